#ifndef FLYWHEEL_LEAST_WORK_H
#define FLYWHEEL_LEAST_WORK_H

// Reads and hashes the files of a tree four times, as if for four layers, on two threads, and does nothing else; prints the
// digests. Ends the process where something cannot be read.
void flywheel_least_work_of_four_layers(const char *directory);

#endif
