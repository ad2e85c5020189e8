/* Forgets the meanings of the macros of schema.def, between two inclusions of it. Without an include
 * guard on purpose. */
#undef OBJECT
#undef BARE
#undef VER
#undef U64
#undef FIX
#undef OPT
#undef BIN
#undef STR
#undef TXT
#undef SUB
#undef LST
#undef END
