// Tests of what Python does not see. Each file is a program; a check that fails ends it.
#pragma once

#include <cstdio>
#include <cstdlib>

#define CHECK(condition)      \
  ((condition)                \
       ? static_cast<void>(0) \
       : (std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition), std::abort()))
