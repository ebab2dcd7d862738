// The library's own facts; knows no kernel.

extern "C" __attribute__((visibility("default"))) int causerie_abi_version() { return 1; }
