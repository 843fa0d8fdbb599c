#include "supervisor.hpp"

#include "caf_runtime.hpp"
#include "services.hpp"

namespace firn::runtime {
namespace {

constexpr auto kFirstDelay = std::chrono::milliseconds(2);

enum class Kind : std::uint8_t { table, hot, warm, cold, lifecycle, scheduler, analyzer, database, worker };

/// One actor's part, whoever plays it just now.
struct Role {
  Kind kind = Kind::table;
  TableRef table;          ///< of the four tier roles
  std::size_t worker = 0;  ///< of workers
  int failures = 0;
  std::int64_t failed_us = 0;
};

struct SupervisorState {
  static inline const char* name = "firn.supervisor";
  SupervisorState() = default;
  std::map<std::uint64_t, Role> roles;
  std::map<caf::actor_addr, std::uint64_t> players;
  std::uint64_t last_role = 0;
  std::multimap<std::uint64_t, DoneSlot> stopping;  ///< by table id
  bool closing = false;
  bool workers_told = false;
};

using SupervisorSelf = Supervisor::stateful_pointer<SupervisorState>;

const char* name_of(Kind kind) {
  constexpr const char* names[] = {
      "table",    "hot",      "warm",      "cold", "lifecycle manager", "compaction scheduler",
      "analyzer", "database", "I/O worker"};
  return names[static_cast<std::size_t>(kind)];
}

bool is_tier(Kind kind) { return kind <= Kind::cold; }

/// The address where this role's player is found.
template <class Visit>
void with_address(Services& s, const Role& role, Visit&& visit) {
  switch (role.kind) {
    case Kind::table:
      return visit(role.table->addresses->table);
    case Kind::hot:
      return visit(role.table->addresses->hot);
    case Kind::warm:
      return visit(role.table->addresses->warm);
    case Kind::cold:
      return visit(role.table->addresses->cold);
    case Kind::lifecycle:
      return visit(s.lifecycle);
    case Kind::scheduler:
      return visit(s.scheduler);
    case Kind::analyzer:
      return visit(s.analyzer);
    case Kind::database:
      return visit(s.database);
    case Kind::worker:
      return visit(s.workers.address(role.worker));
  }
}

caf::actor spawn_player(caf::actor_system& system, const std::shared_ptr<Services>& s, const Role& role) {
  const auto publish = [](auto& address, auto handle) {
    address.set(handle);
    return caf::actor_cast<caf::actor>(handle);
  };
  switch (role.kind) {
    case Kind::table:
      return publish(role.table->addresses->table, spawn_table(system, s, role.table));
    case Kind::hot:
      return publish(role.table->addresses->hot, spawn_hot(system, s, role.table));
    case Kind::warm:
      return publish(role.table->addresses->warm, spawn_warm(system, s, role.table));
    case Kind::cold:
      return publish(role.table->addresses->cold, spawn_cold(system, s, role.table));
    case Kind::lifecycle:
      return publish(s->lifecycle, spawn_lifecycle(system, s));
    case Kind::scheduler:
      return publish(s->scheduler, spawn_scheduler(system, s));
    case Kind::analyzer:
      return publish(s->analyzer, spawn_analyzer(system, s));
    case Kind::database:
      return publish(s->database, spawn_database(system, s));
    case Kind::worker:
      return publish(s->workers.address(role.worker), spawn_worker(system, s, role.worker == 0));
  }
  return {};
}

void play(SupervisorSelf self, const std::shared_ptr<Services>& services, std::uint64_t id) {
  SupervisorState& s = self->state;
  const auto role = s.roles.find(id);
  if (role == s.roles.end() || s.closing) return;
  const caf::actor player = spawn_player(self->system(), services, role->second);
  s.players[player.address()] = id;
  self->monitor(player);
}

void add_role(SupervisorSelf self, const std::shared_ptr<Services>& services, Role role) {
  const std::uint64_t id = ++self->state.last_role;
  self->state.roles.emplace(id, std::move(role));
  play(self, services, id);
}

/// A supervisor that replaces a failed one takes over those who still play.
void adopt_or_play(SupervisorSelf self, const std::shared_ptr<Services>& services, Role role) {
  caf::actor living;
  with_address(*services, role, [&](auto& address) {
    if (auto handle = address.get()) living = caf::actor_cast<caf::actor>(handle);
  });
  if (!living) return add_role(self, services, std::move(role));
  SupervisorState& s = self->state;
  const std::uint64_t id = ++s.last_role;
  s.roles.emplace(id, std::move(role));
  s.players[living.address()] = id;
  self->monitor(living);  // one that is dead already sends its down message at once
}

void begin(SupervisorSelf self, const std::shared_ptr<Services>& services) {
  for (std::size_t i = 0; i < services->workers.size(); ++i)
    adopt_or_play(self, services, {Kind::worker, nullptr, i});
  for (const Kind kind : {Kind::analyzer, Kind::scheduler, Kind::lifecycle, Kind::database}) {
    adopt_or_play(self, services, {kind, nullptr, 0});
  }
  for (const TableRef& table : services->tables->all()) {
    if (!table->addresses->started) continue;
    for (const Kind kind : {Kind::cold, Kind::warm, Kind::hot, Kind::table})
      adopt_or_play(self, services, {kind, table, 0});
  }
}

void give_up(Services& services, const Role& role, const std::string& why) {
  const std::string reason = std::string("its ") + name_of(role.kind) + " actor failed " +
                             std::to_string(role.failures) + " times (" + why +
                             "); close and open the database to go on";
  services.log(reason);
  if (is_tier(role.kind))
    role.table->stop_writes(reason);
  else if (role.kind == Kind::worker)
    services.set_write_stop(reason);
}

void tell_to_stop(SupervisorSelf self, Services& services, bool (*which)(Kind)) {
  for (const auto& [address, id] : self->state.players) {
    if (!which(self->state.roles.at(id).kind)) continue;
    if (const auto player = caf::actor_cast<caf::actor>(address)) {
      caf::anon_send_exit(player, caf::exit_reason::user_shutdown);
    }
  }
  (void)services;
}

bool any_left(const SupervisorState& s, bool (*which)(Kind)) {
  for (const auto& [address, id] : s.players) {
    if (which(s.roles.at(id).kind)) return true;
  }
  return false;
}

bool is_worker(Kind kind) { return kind == Kind::worker; }
bool is_no_worker(Kind kind) { return kind != Kind::worker; }

/// Top down: tables and managers end first and hand their last work to the workers, which end after them.
void go_on_closing(SupervisorSelf self, Services& services) {
  SupervisorState& s = self->state;
  if (!s.workers_told && !any_left(s, is_no_worker)) {
    s.workers_told = true;
    tell_to_stop(self, services, is_worker);
  }
  if (s.players.empty()) self->quit(caf::exit_reason::user_shutdown);
}

void table_stopped(SupervisorState& s, std::uint64_t table_id) {
  for (const auto& [address, id] : s.players) {
    const Role& role = s.roles.at(id);
    if (is_tier(role.kind) && role.table->id == table_id) return;
  }
  const auto [first, last] = s.stopping.equal_range(table_id);
  for (auto slot = first; slot != last; ++slot) slot->second.deliver({});
  s.stopping.erase(first, last);
  std::erase_if(s.roles,
                [&](const auto& r) { return is_tier(r.second.kind) && r.second.table->id == table_id; });
}

void player_ended(SupervisorSelf self, const std::shared_ptr<Services>& services, const caf::down_msg& down) {
  SupervisorState& s = self->state;
  const auto player = s.players.find(down.source);
  if (player == s.players.end()) return;
  const std::uint64_t id = player->second;
  s.players.erase(player);
  Role& role = s.roles.at(id);
  with_address(*services, role, [](auto& address) { address.clear(); });
  if (s.closing) return go_on_closing(self, *services);
  if (is_tier(role.kind) && s.stopping.contains(role.table->id)) return table_stopped(s, role.table->id);
  const std::int64_t now = services->clock->monotonic_us();
  if (now - role.failed_us > kRestartWindowUs) role.failures = 0;
  role.failed_us = now;
  ++role.failures;
  const std::string why = text_of(down.reason);
  services->log(std::string("actor ") + name_of(role.kind) + " failed: " + why);
  if (role.failures > kRestartsMax) return give_up(*services, role, why);
  auto restart = make_flat<fb::Restart>([&](auto& b) { return fb::CreateRestart(b, id); });
  self->delayed_send(self, kFirstDelay * (1 << (role.failures - 1)), std::move(restart));
}

void start_table_actors(SupervisorSelf self, const std::shared_ptr<Services>& services,
                        const TableRef& table) {
  if (table->addresses->started) return;
  for (const Kind kind : {Kind::cold, Kind::warm, Kind::hot, Kind::table})
    add_role(self, services, {kind, table, 0});
  table->addresses->started = true;
}

void stop_table_actors(SupervisorSelf self, const TableRef& table, const DoneSlot& slot) {
  SupervisorState& s = self->state;
  s.stopping.emplace(table->id, slot);
  table->addresses->started = false;
  for (const auto& [address, id] : s.players) {
    const Role& role = s.roles.at(id);
    if (!is_tier(role.kind) || role.table->id != table->id) continue;
    if (const auto player = caf::actor_cast<caf::actor>(address)) {
      caf::anon_send_exit(player, caf::exit_reason::user_shutdown);
    }
  }
  table_stopped(s, table->id);
}

Supervisor::behavior_type supervisor(SupervisorSelf self, const std::shared_ptr<Services>& services) {
  prepare(self);
  self->set_down_handler(
      [=](caf::scheduled_actor*, caf::down_msg& down) { player_ended(self, services, down); });
  self->set_exit_handler([=](caf::scheduled_actor*, caf::exit_msg&) {
    self->state.closing = true;
    tell_to_stop(self, *services, is_no_worker);
    go_on_closing(self, *services);
  });
  begin(self, services);
  return {
      [=](const flat<fb::StartTable>&, const DoneSlot& slot, const TableRef& table) {
        services->faults->check("supervisor");
        if (self->state.closing) return slot.deliver(closing_error());
        if (table) start_table_actors(self, services, table);
        slot.deliver({});
      },
      [=](const flat<fb::StopTable>&, const DoneSlot& slot, const TableRef& table) {
        services->faults->check("supervisor");
        stop_table_actors(self, table, slot);
      },
      [=](const flat<fb::Restart>& r) {
        services->faults->check("supervisor");
        play(self, services, r->role());
      },
  };
}

}  // namespace

Supervisor spawn_supervisor(caf::actor_system& system, const std::shared_ptr<Services>& services) {
  return system.spawn(supervisor, services);
}

}  // namespace firn::runtime
