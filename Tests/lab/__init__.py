"""The lab: real kernels in qemu, real disasters, and inquest's account of them beside the kernel's own."""
