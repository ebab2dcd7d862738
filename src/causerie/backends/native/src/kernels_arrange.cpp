// Quantized matrices from the arrays of their reference layout (quant/*.py) into the panels of quantized.h. Rows that only
// fill up a panel get zeros.
#include "quantized.h"

namespace CAUSERIE_JOIN(causerie_, CAUSERIE_VARIANT) {

// A panel of a slice: where its rows lie in the arrays, and where it goes.
struct Arrangement {
  const Packing& packing;
  int64_t first;  // row of the slice
  int64_t known;  // rows that exist
  int64_t group, groups;
  uint8_t* to;

  template <class T>
  const T* codes() const { return static_cast<const T*>(packing.source); }
  // Entry (lane, g) of an array of one number per row and group; 0 beyond the last row.
  template <class T>
  T per_group(const void* array, int64_t lane, int64_t g) const {
    return lane < known ? static_cast<const T*>(array)[(first + lane) * groups + g] : T{};
  }
};

static void arrange_int8(const Arrangement& a) {
  const int64_t width = a.packing.width;
  for (int64_t g = 0; g < a.groups; ++g) {
    uint16_t* scale = reinterpret_cast<uint16_t*>(a.to + g * group_bytes(INT8, a.group));
    uint8_t* body = reinterpret_cast<uint8_t*>(scale + PANEL);
    for (int64_t lane = 0; lane < PANEL; ++lane) {
      scale[lane] = a.per_group<uint16_t>(a.packing.scale, lane, g);
      const int8_t* row = a.codes<int8_t>() + (a.first + lane) * width + g * a.group;
      for (int64_t i = 0; i < a.group; i += 4)
        for (int64_t j = 0; j < 4; ++j) body[i * PANEL + lane * 4 + j] = lane < a.known ? uint8_t(row[i + j] + 128) : 128;
    }
  }
}

static void arrange_int4(const Arrangement& a) {
  const int64_t width = a.packing.width;
  float* units = reinterpret_cast<float*>(a.to);
  for (int64_t lane = 0; lane < PANEL; ++lane)
    units[lane] = lane < a.known ? from_bf16(static_cast<const uint16_t*>(a.packing.unit)[a.first + lane]) / 16.0f : 0.0f;
  for (int64_t g = 0; g < a.groups; ++g) {
    uint8_t* scale = a.to + panel_head(INT4) + g * group_bytes(INT4, a.group);
    uint8_t *zero = scale + PANEL, *body = zero + PANEL;
    for (int64_t lane = 0; lane < PANEL; ++lane) {
      scale[lane] = a.per_group<uint8_t>(a.packing.scale, lane, g);
      zero[lane] = a.per_group<uint8_t>(a.packing.zero, lane, g);
      const uint8_t* row = a.codes<uint8_t>() + ((a.first + lane) * width + g * a.group) / 2;
      for (int64_t i = 0; i < a.group; i += 8)
        for (int64_t j = 0; j < 4; ++j) {
          const int64_t low = i + j, high = low + 4;
          const int codes = lane < a.known ? (row[low / 2] >> low % 2 * 4 & 15) | (row[high / 2] >> high % 2 * 4 & 15) << 4 : 0;
          body[i / 8 * 4 * PANEL + lane * 4 + j] = uint8_t(codes);
        }
    }
  }
}

static void arrange_lookup4(const Arrangement& a) {
  const int64_t width = a.packing.width;
  const auto code = [&](int64_t lane, int64_t k) {
    const int64_t at = (a.first + lane) * width + k;
    return lane < a.known ? a.codes<uint8_t>()[at / 2] >> (at % 2 ? 0 : 4) & 15 : 0;
  };
  for (int64_t g = 0; g < a.groups; ++g) {
    float* absmax = reinterpret_cast<float*>(a.to + g * group_bytes(LOOKUP4, a.group));
    uint8_t* body = reinterpret_cast<uint8_t*>(absmax + PANEL);
    for (int64_t lane = 0; lane < PANEL; ++lane) {  // blocks of 64 run over the flattened rows
      const int64_t block = ((a.first + lane) * width + g * a.group) / 64;
      absmax[lane] = lane < a.known ? static_cast<const float*>(a.packing.scale)[block] : 0.0f;
    }
    for (int64_t i = 0; i < a.group; ++i)
      for (int64_t lane = 0; lane < 32; ++lane)
        body[32 * i + lane] = uint8_t(code(lane, g * a.group + i) | code(lane + 32, g * a.group + i) << 4);
  }
}

static void arrange_row_int8(const Arrangement& a) {
  float* scale = reinterpret_cast<float*>(a.to);
  int8_t* body = reinterpret_cast<int8_t*>(scale + PANEL);
  for (int64_t lane = 0; lane < PANEL; ++lane) {
    scale[lane] = a.per_group<float>(a.packing.scale, lane, 0);
    const int8_t* row = a.codes<int8_t>() + (a.first + lane) * a.group;
    for (int64_t k = 0; k < a.group; ++k) body[k * PANEL + lane] = lane < a.known ? row[k] : int8_t(0);
  }
}

void arrange(const Packing& packing, int64_t panel) {
  const int32_t format = packing.target_format;
  const int64_t first = panel * PANEL, left = packing.rows - first, group = group_of(format, packing.width);
  const uint8_t* to = panel_of(format, packing.target, packing.width, packing.first / PANEL + panel);
  const Arrangement a{packing, first, left < PANEL ? left : PANEL, group, packing.width / group, const_cast<uint8_t*>(to)};
  switch (format) {
    case INT8: return arrange_int8(a);
    case INT4: return arrange_int4(a);
    case LOOKUP4: return arrange_lookup4(a);
    default: return arrange_row_int8(a);
  }
}

}  // namespace
