// What objects that were compiled for a newer glibc ask for, and glibc 2.28 does not have.

// libstdc++ asks whether the process has one thread, to go without atomic operations. "No" is always right.
char __libc_single_threaded = 0;

// exp, log and pow have a version 2.29, which does not set errno in the way of System V any more. The older one computes the same.
#define OLDER(name) __asm__(".symver older_" #name ", " #name "@GLIBC_2.2.5")
OLDER(exp);
OLDER(log);
OLDER(pow);

double older_exp(double x);
double older_log(double x);
double older_pow(double x, double y);

double exp(double x) { return older_exp(x); }
double log(double x) { return older_log(x); }
double pow(double x, double y) { return older_pow(x, y); }
