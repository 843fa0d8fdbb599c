#include "storage/row_file.hpp"
