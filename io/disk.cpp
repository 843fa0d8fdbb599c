#include "io/disk.hpp"
