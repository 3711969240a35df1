// Uses a class and two functions of torch's c10, as an extension does: they are declared here, and defined nowhere.
#include <string>

namespace c10 {
struct SourceLocation {
  const char *function;
  const char *file;
  unsigned line;
};
class Error {
 public:
  Error(SourceLocation where, std::string what);
};
int device_count_of_another_torch();
}  // namespace c10

extern "C" int devices() {
  c10::Error{{__func__, __FILE__, 1}, "no device"};
  return c10::device_count_of_another_torch();
}
