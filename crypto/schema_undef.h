/* Forgets the meanings of the macros of schema.def, between two inclusions of it. Without a guard
 * on purpose. */
#undef OBJECT
#undef BARE
#undef VER
#undef U64
#undef NUM
#undef FIX
#undef OPT
#undef BIN
#undef STR
#undef TXT
#undef SUB
#undef LST
#undef END
