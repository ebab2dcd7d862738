// This instruction set's table of kernels.
#include "kernels.h"

using namespace CAUSERIE_JOIN(causerie_, CAUSERIE_VARIANT);

extern const Kernels CAUSERIE_JOIN(causerie_kernels_, CAUSERIE_VARIANT);
const Kernels CAUSERIE_JOIN(causerie_kernels_, CAUSERIE_VARIANT) = {
    {embed, norm, round_rows, linear, rotate, attention, glu, add_rows, select_rows, merge, route, group,
     gather, expert_linear, combine, weigh_rows, short_conv, transform, positions, activate, clip_rows, softcap,
     delta_inputs, delta, columns, times, keep_latent, causal_conv, mamba2, mamba, gate_heads, xielu, share, fetch,
     blend, leveled, excess},
    measure, pack, arrange, fit, read};
