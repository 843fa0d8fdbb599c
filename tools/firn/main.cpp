// The admin tool.
int main() { return 2; }
