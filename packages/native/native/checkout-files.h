// Makes one entry of a checkout inside an open directory. `shown` is the path for messages.
#pragma once
#include <string>

#include "checkout-plan.h"

namespace bootc {

/// Copies an object (a file, or a symbolic link of a bare repository), sharing extents where the file system can.
void CopyObject(int objects, const char* object, int dir, const char* name, const CheckoutMeta& meta,
                const std::string& shown);
/// Hard link; a copy when the object has too many links or lies elsewhere, and `meta` is given.
void LinkObject(int objects, const char* object, int dir, const char* name, const CheckoutMeta* meta,
                const CheckoutPlan& plan, int32_t dir_index);
void MakeSymlink(const char* target, int dir, const char* name, const CheckoutMeta& meta, const std::string& shown);
void MakeEmpty(int dir, const char* name, const CheckoutMeta& meta, const std::string& shown);

}  // namespace bootc
