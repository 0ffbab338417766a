#include "base/mutant.h"

#ifdef CONFAB_MUTANTS
enum cf_mutant cf_mutant;
#endif
