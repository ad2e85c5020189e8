/* The vectors of the start-up self-test, made by tests/vectors/selftest_vectors.py: edit that.
 * selftest.c alone includes this; it says what the kinds are. */
#ifndef VESTRY_CRYPTO_SELFTEST_VECTORS_H
#define VESTRY_CRYPTO_SELFTEST_VECTORS_H

/* clang-format off */
static const struct selftest_vector selftest_vectors[] = {
    {SELFTEST_HASH, true, "SHA-256 of one block",
     "",
     "616263",
     "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {SELFTEST_HASH, true, "SHA-256 of two blocks",
     "",
     "6162636462636465636465666465666765666768666768696768696a68696a6b696a6b6c6a6b6c6d6b6c6d6e"
     "6c6d6e6f6d6e6f706e6f7071",
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    {SELFTEST_SIGN, true, "RFC 8032, 7.1, TEST 1",
     "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511ae5564300c360ac729086e2cc"
     "806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24"
     "655141438e7a100b"},
    {SELFTEST_SIGN, true, "RFC 8032, 7.1, TEST 2",
     "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "72",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c92a009a9f0d4cab8720e820b"
     "5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aee"
     "b00d291612bb0c00"},
    {SELFTEST_SIGN, true, "RFC 8032, 7.1, TEST 3",
     "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "af82",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb9115489080256291d657deec24024827e69c"
     "3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28d"
     "c027beceea1ec40a"},
    {SELFTEST_VERIFY, false, "a message with one bit flipped",
     "f78802f7d061e6f69dc051ea029539964ba7070acdab2d9654138470789e5de4",
     "7765737472792073656c662d74657374",
     "b978c15f87ae518edc46eaf3c1410cda3658a8b9ed2fcc96824742b1d67f9f9c5b558d40c08a125684b31f1d"
     "d5c932a70e5dadc5646d22868d186368fca39808"},
    {SELFTEST_VERIFY, false, "S plus the group order",
     "f78802f7d061e6f69dc051ea029539964ba7070acdab2d9654138470789e5de4",
     "7665737472792073656c662d74657374",
     "b978c15f87ae518edc46eaf3c1410cda3658a8b9ed2fcc96824742b1d67f9f9c4829839ddaed24ae5a5017c0"
     "b3c311bc0e5dadc5646d22868d186368fca39818"},
    {SELFTEST_VERIFY, false, "a key that is no point",
     "0200000000000000000000000000000000000000000000000000000000000000",
     "7665737472792073656c662d74657374",
     "b978c15f87ae518edc46eaf3c1410cda3658a8b9ed2fcc96824742b1d67f9f9c5b558d40c08a125684b31f1d"
     "d5c932a70e5dadc5646d22868d186368fca39808"},
    {SELFTEST_VERIFY, false, "the neutral point as a key, y written as p + 1",
     "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
     "7665737472792073656c662d74657374",
     "3e54c441927f9f0ee5e13e34f0b0404c5043651a8f4b7ef087a1c42262a85d0a2e77a7db3b2f65a47efd3cf9"
     "bbe5f05486e88756c8cc06c7691f6d5679727502"},
    {SELFTEST_VERIFY, false, "the neutral point as a key, with a sign",
     "0100000000000000000000000000000000000000000000000000000000000080",
     "7665737472792073656c662d74657374",
     "3e54c441927f9f0ee5e13e34f0b0404c5043651a8f4b7ef087a1c42262a85d0a2e77a7db3b2f65a47efd3cf9"
     "bbe5f05486e88756c8cc06c7691f6d5679727502"},
    {SELFTEST_VERIFY, false, "a key of order 8, the equation holds",
     "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
     "7665737472792073656c662d746573742c20736d616c6c2035",
     "3e54c441927f9f0ee5e13e34f0b0404c5043651a8f4b7ef087a1c42262a85d0a2e77a7db3b2f65a47efd3cf9"
     "bbe5f05486e88756c8cc06c7691f6d5679727502"},
    {SELFTEST_VERIFY, false, "a key of order 8, it holds with the cofactor",
     "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
     "7665737472792073656c662d746573742c20736d616c6c203131",
     "3e54c441927f9f0ee5e13e34f0b0404c5043651a8f4b7ef087a1c42262a85d0a2e77a7db3b2f65a47efd3cf9"
     "bbe5f05486e88756c8cc06c7691f6d5679727502"},
    {SELFTEST_VERIFY, false, "the neutral point as R",
     "f78802f7d061e6f69dc051ea029539964ba7070acdab2d9654138470789e5de4",
     "7665737472792073656c662d74657374",
     "0100000000000000000000000000000000000000000000000000000000000000a797dd2710a43c86d0e5c826"
     "a0d441bec96e93c80857f1852bcc2e6c96880a05"},
    {SELFTEST_VERIFY, false, "the neutral point as R, y written as p + 1",
     "f78802f7d061e6f69dc051ea029539964ba7070acdab2d9654138470789e5de4",
     "7665737472792073656c662d74657374",
     "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f61db6d6fc0642ba5f8f4242d"
     "d4edb5c56d4905d44dd92eddc9014907d7409b0f"},
    {SELFTEST_VERIFY, false, "R of order 8",
     "f78802f7d061e6f69dc051ea029539964ba7070acdab2d9654138470789e5de4",
     "7665737472792073656c662d74657374",
     "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a85df9207b3c5484dcef5ffa8"
     "f0839962f557cc6c051cd1b4673dccc64dc23e07"},
    {SELFTEST_VERIFY, false, "R with a part of order 8",
     "f78802f7d061e6f69dc051ea029539964ba7070acdab2d9654138470789e5de4",
     "7665737472792073656c662d74657374",
     "5b61c2e3b93e6c06450f327ea72cdfeb8cde6aa020d2dd827ab3f86e708c83939ea522e48cc0fa20db6e0224"
     "eff4fd9ddacedeadffb1272c845b79b74348480f"},
    {SELFTEST_VERIFY, true, "a key with a part of order 8, the equation holds",
     "19b7bc4ebd4b5cbd5a348c4cffd3084a2045c5558d55c7e93bf058fb6eb603b6",
     "7665737472792073656c662d746573742c206d697865642033",
     "3e54c441927f9f0ee5e13e34f0b0404c5043651a8f4b7ef087a1c42262a85d0ad039b256454b3005468e41c5"
     "4adb27721b686a68801ef45fc57b8fb4c7a61f0e"},
    {SELFTEST_VERIFY, false, "a key with a part of order 8, it holds with the cofactor",
     "19b7bc4ebd4b5cbd5a348c4cffd3084a2045c5558d55c7e93bf058fb6eb603b6",
     "7665737472792073656c662d746573742c206d69786564203136",
     "3e54c441927f9f0ee5e13e34f0b0404c5043651a8f4b7ef087a1c42262a85d0ad9c0ba7064fc538da9f8466a"
     "0512825edf6bc7ff677c3689ae1564f4f199f407"},
    {SELFTEST_VERIFY, true, "key and R with parts of order 8 that cancel",
     "19b7bc4ebd4b5cbd5a348c4cffd3084a2045c5558d55c7e93bf058fb6eb603b6",
     "7665737472792073656c662d746573742c20626f74682031",
     "8d8faa35c2b55750d969e504ed4e19f58a05377063d9f00da7f99ce244d96ea6d8325a838d2c3d6da10ca953"
     "28433362655b198e5597e18ef881b731cf80420e"},
    {SELFTEST_KEY, true, "an honest key",
     "f78802f7d061e6f69dc051ea029539964ba7070acdab2d9654138470789e5de4",
     "",
     ""},
    {SELFTEST_KEY, false, "a key with a part of order 8",
     "19b7bc4ebd4b5cbd5a348c4cffd3084a2045c5558d55c7e93bf058fb6eb603b6",
     "",
     ""},
    {SELFTEST_KEY, false, "a key of order 8",
     "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
     "",
     ""},
    {SELFTEST_KEY, false, "a key whose y is written as y + p",
     "f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
     "",
     ""},
    {SELFTEST_KEY, false, "a key that is no point",
     "0200000000000000000000000000000000000000000000000000000000000000",
     "",
     ""},
};
/* clang-format on */

#endif
