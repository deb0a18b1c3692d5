/bin	-> usr/bin
/boot/	
/dev/	
/etc/	
/etc/hostname
/etc/selinux/	
/etc/shadow	@ cb/acdffdfa90ef26cb518146adb48dee616ec2bbd1eb7c192a1d73071980a805
/proc/	
/run/	
/sys/	
/sysroot/	
/usr/	
/usr/bin/	
/usr/bin/ping	@ 64/7e8f7b814ce9f82011aa642262118dea6bba6c269d7857c337ff5880b29279
/usr/bin/tool00	@ 4d/b85e1099748df0d26b02d97c7415b2f0f716ecbb7195c483e14750b5507c39
/usr/bin/tool01	@ bd/f8ac1841726bee57cb1e93a73f2c6c7284b756a82d923f0d8bcd8a22e3461e
/usr/bin/tool02	@ fa/aedaec645a0b35dcce899795e7ff79368e017747bfc184fb49c7b7a00a2b2c
/usr/bin/tool03	@ ca/75fef5bb3d92874bd5844d1a16ec68ad01ebbfe6603de359731e6b1b9543e4
/usr/bin/tool04	@ 9e/d1bd1da33230ae4b16e694d57a9df4990b3adb43e4828ee6471eb32dc45f6d
/usr/bin/tool05	@ ba/634fda8c4d66a62d741db05a6017e8e4c50d51a7b406c13c8c633da70c8729
/usr/bin/tool06	@ 0a/df4f363719efa5f796e2cfd15cf560e8d12502ca3d98b635e555d66282518e
/usr/bin/tool07	@ c6/115bb32504d905e7d15e69f36874a06d70c3c3eebaf6b2aa8f8e99b41a339a
/usr/bin/tool08	@ d5/3664e89ed25bcd7841fa7e3a6ed1183c52bc7d12ce871ff2c2d5ea35efe773
/usr/bin/tool09	@ 3d/866b5509d83fca12e66a2461b2833946a3f395355e464f9d7c1c149a6507f2
/usr/bin/tool10	@ 32/d9929fcc5dd88970326aa8989b872746a47da423dc72699740f6382edf7fd4
/usr/bin/tool11	@ 7a/520f682865c23a4b6fd2c3a859ca855d62824dec5130234f58bccb1fe2c754
/usr/bin/tool12	@ d0/e3c5a7e7a4871f41d7a197dba0d6f58cc17f71d5f1093e88f83afa1d7b2ea6
/usr/bin/tool13	@ 41/99a2afe27f4dc606a4a7ebe20408b454de7d0408909a3bcfdd18800a7b5844
/usr/bin/tool14	@ ba/a78e07ae48170353dd9a70f40506630dd2ce11002a0b09a5ab1db9ab5e893b
/usr/bin/tool15	@ 4b/dc93f4340b872b8b686e14e656280679f8463662694330ab71faf5b51e24f9
/usr/bin/tool16	@ 33/e5f8f583314cfafaa6c739697a1de9a6250c31a395a2dacda9e632a0b714ed
/usr/bin/tool17	@ ff/75095bf60173d1beae13fe2fa16c10e09b4d645ecbec283297f0c5bc966ce3
/usr/bin/tool18	@ 71/8d330a03059f38bbad838636d9e2829300524ef657a8794c08042205ee4608
/usr/bin/tool19	@ 4e/07762a6cefb9f2c7e47f95565a5d497ecfcce9983308946b23d093ae3867b0
/usr/bin/tool20	@ 88/392884a4d60fa5af0ac05dda414caedede224262fc55ffd1d58133b155d14c
/usr/bin/tool21	@ 51/477fdb3db2d2cdfcf999378ddfc267df6d5863df74bbf5b10887a7268eeaed
/usr/bin/tool22	@ 95/cc96debe0e7a8b607f63ca3125fdfdce558609b0aaf825a74fd8803549ca44
/usr/bin/tool23	@ a7/fbb78f440a7466f316e9b3fdbef6df37186a8c114b85b4060edd5e44bfb089
/usr/bin/tool24	@ a2/ab3c0e0a5b53b872822c6f8e9c7b707fa937ff2ed9fad4472edae05c6e6067
/usr/bin/tool25	@ 94/4f1b93da10a699e327e3d1153f9babee93110f5b614d7b5edf65d3a7c511f5
/usr/bin/tool26	@ c9/28b00752fbfbbffb268b218c4e37d48f6fd2a17553c186b9c0cb955bd4f10a
/usr/bin/tool27	@ 04/03a8b69dd9be214dbfb324a4ecfa02eb1c0ea4a3d8d5fd847f387f75328e26
/usr/bin/tool28	@ f9/fcbf51463105a5fc915ed6eb1adbe732a96424bf9b5553c30bd6d7b2178521
/usr/bin/tool29	@ 3a/a69457563dbb0a35fc8f80f9b414231cfd7ed01abfc51c07f77c18bdf5b169
/usr/bin/tool30	@ cd/024ddfcd40bddc355afc3da06b87ae74675f76314a8560c0b75af49a67a839
/usr/bin/tool31	@ fe/26c2d00b4ca85f0e699e492a209b208e06b45930775f6244583f1c4597ca3a
/usr/bin/tool32	@ c6/d907b06bd506bded51744296570b0a4f6301e32f8364b73dc0e0bdd2f39253
/usr/bin/tool33	@ 6b/744b86807efc20d8f65a371f4e5b77efd81fd61f173fa5b3d7883fd870a905
/usr/bin/tool34	@ 0b/2dc21107598193d901d3e2250c753ebd3e7fb4d01b921dd4c43ec8b2a8f523
/usr/bin/tool35	@ 19/209dd88fe46c61d18e694dcef47ca42d3eeb9ec6690fd825f7299e09079ee1
/usr/bin/tool36	@ a0/f57be0b61be632b430c19b363c1b2ce557d676c0e2ec3735ce7ba45f6a1a0e
/usr/bin/tool37	@ 1f/4b3aaaa782af59ab76ca1652c69802c2fe460e49690bb3f5782b8c7b6b6186
/usr/bin/tool38	@ f4/698dac91002dbcebc2b8edc29f60576d407938f6942f3f8d39657755abc14f
/usr/bin/tool39	@ 06/8028775fadc0bc611471b13d049e2aea9873a362ce671184844e126a6dc755
/usr/lib/	
/usr/lib/lib00.so.1	-> lib00.so.1.2.3
/usr/lib/lib00.so.1.2.3	@ 31/a0e5125fdea97993326090f4e639a4f6f7414e1c28aa34dd42cf1108d3a00b
/usr/lib/lib01.so.1	-> lib01.so.1.2.3
/usr/lib/lib01.so.1.2.3	@ cd/c41099f144f036f7fcdbbb82e0b49a2f4fa82009b6aa320bbe888be0aa70a4
/usr/lib/lib02.so.1	-> lib02.so.1.2.3
/usr/lib/lib02.so.1.2.3	@ 20/9a976eed635ed8092e222021f47f06a345c4873e5d9424508eefdb47af1416
/usr/lib/lib03.so.1	-> lib03.so.1.2.3
/usr/lib/lib03.so.1.2.3	@ 48/b2d2045874575fade25e48facd0337c2c5806a1e653af37251dbad0f34a318
/usr/lib/lib04.so.1	-> lib04.so.1.2.3
/usr/lib/lib04.so.1.2.3	@ 04/7ed9fe4a7f63045cb6a251b50e9bc7a69fcb1961564ff4d671d1029559a852
/usr/lib/lib05.so.1	-> lib05.so.1.2.3
/usr/lib/lib05.so.1.2.3	@ a2/c6e86a2c658db74b7eceaa47b8535b5e56a33991738b71ecb117247eb69f65
/usr/lib/lib06.so.1	-> lib06.so.1.2.3
/usr/lib/lib06.so.1.2.3	@ c8/1c1ef4286d4c927006e8584676c3ab5e26f6e602ea2ad5d8049a7cc6593320
/usr/lib/lib07.so.1	-> lib07.so.1.2.3
/usr/lib/lib07.so.1.2.3	@ ac/56d86159705ccdb826361857740708871e71cc3785974c662a96f5f17aa182
/usr/lib/lib08.so.1	-> lib08.so.1.2.3
/usr/lib/lib08.so.1.2.3	@ 0c/c5fb0dca2fe7ee5396d32ac22c083a2d3e14ac3f45dbf676a34f7802b41729
/usr/lib/lib09.so.1	-> lib09.so.1.2.3
/usr/lib/lib09.so.1.2.3	@ 66/51cc715a3f3c229042f6fb7310cbaa6151ab946dc0f38751c1af5ef30ce0bf
/usr/lib/lib10.so.1	-> lib10.so.1.2.3
/usr/lib/lib10.so.1.2.3	@ 63/ae97352db89b5c2ca60b2b4b3bc7e7c478cfa8bc72ce05d5df2c047e022eb2
/usr/lib/lib11.so.1	-> lib11.so.1.2.3
/usr/lib/lib11.so.1.2.3	@ 05/9a6d475085bf12b1b3bd3a385e1f4279acbdc91742ec090942e94589b967f1
/usr/lib/lib12.so.1	-> lib12.so.1.2.3
/usr/lib/lib12.so.1.2.3	@ 00/ca45e0bcd8572681518890d7c2334ba31b8a1c1385889cd9bf0eb9750ab6e8
/usr/lib/lib13.so.1	-> lib13.so.1.2.3
/usr/lib/lib13.so.1.2.3	@ 9c/b443c1222815bdad1a591032f789fad152b4ad721a95a729f19405aa0eb7f4
/usr/lib/lib14.so.1	-> lib14.so.1.2.3
/usr/lib/lib14.so.1.2.3	@ e5/527dff7485cc0ae6a3674b33e9af3b705aa76485e3f931f8722521747fbf51
/usr/lib/lib15.so.1	-> lib15.so.1.2.3
/usr/lib/lib15.so.1.2.3	@ c9/5c5e495b66e0f31bc0bebbf82659df167e20a1790599e608660b1025e9ea37
/usr/lib/lib16.so.1	-> lib16.so.1.2.3
/usr/lib/lib16.so.1.2.3	@ ed/8e7a0630a21acaf31dd6a864a9d7bc0bf6f6c81ace86d29a4ce0759f00d15d
/usr/lib/lib17.so.1	-> lib17.so.1.2.3
/usr/lib/lib17.so.1.2.3	@ a5/cf18d785c11558a732d2259e90a9606a19dd6b88432586785b3109b91ca031
/usr/lib/lib18.so.1	-> lib18.so.1.2.3
/usr/lib/lib18.so.1.2.3	@ bf/b6542410f67528039f9696be7f9c3ad6c5aeac6f7657d36c768ba5e0603fe7
/usr/lib/lib19.so.1	-> lib19.so.1.2.3
/usr/lib/lib19.so.1.2.3	@ 4f/30b1c476721eec24cd50e2b830c04efdebd8e782f609b95122f99f4cedcff9
/usr/lib/lib20.so.1	-> lib20.so.1.2.3
/usr/lib/lib20.so.1.2.3	@ e3/6a308bb61ba666ba654ca2d430d46cff8c0627d026d06b71f94bb215c2ec72
/usr/lib/lib21.so.1	-> lib21.so.1.2.3
/usr/lib/lib21.so.1.2.3	@ c9/f62844e01566fae4600611f7716d90252a9083a3b65557dfa58916c5baac3e
/usr/lib/lib22.so.1	-> lib22.so.1.2.3
/usr/lib/lib22.so.1.2.3	@ 8f/bb3c39a02fa584306cd257b40bafe425cc5891bf2ceb1748a321a15557793c
/usr/lib/lib23.so.1	-> lib23.so.1.2.3
/usr/lib/lib23.so.1.2.3	@ 9d/af71753ee1015442036c68e9dd2f1eb2e649466fa5a50852e1a92451c8af52
/usr/lib/lib24.so.1	-> lib24.so.1.2.3
/usr/lib/lib24.so.1.2.3	@ 4d/0003fcf836dc6c769cd7dcbd02dd935099e15308d56a20aed3046c3e48af49
/usr/lib/lib25.so.1	-> lib25.so.1.2.3
/usr/lib/lib25.so.1.2.3	@ 0d/ad83889de501e1a37e74d2ba763dcf1dd936f1e8443be29b5b1bfd7dd01803
/usr/lib/lib26.so.1	-> lib26.so.1.2.3
/usr/lib/lib26.so.1.2.3	@ 5e/5615c484561ff90b6a6acedb6f467312e66d476e196faaa97101aa87b67902
/usr/lib/lib27.so.1	-> lib27.so.1.2.3
/usr/lib/lib27.so.1.2.3	@ 98/856d3c16dc0b03d0b878c00a9cb109caf0e5cb4242f227aaf5360becf44cfa
/usr/lib/lib28.so.1	-> lib28.so.1.2.3
/usr/lib/lib28.so.1.2.3	@ 66/f37589b117623d0df42cb6bc17ad2232b531f2cc30c17830ae53937344d425
/usr/lib/lib29.so.1	-> lib29.so.1.2.3
/usr/lib/lib29.so.1.2.3	@ cf/c8f6d8e2969147ca3efac49f5f14a10af24de7a0720e95c9864a3c65b65d19
/usr/lib/modules/	
/usr/lib/modules/6.12.0/	
/usr/lib/modules/6.12.0/initramfs.img	@ c7/e12d772e9fb6a82c3d5b6b0cf8adec83abe35934ca3998c1c7f72397dc8262
/usr/lib/modules/6.12.0/vmlinuz	@ 15/f5908a1a78a2d368582dd74bd6d817725c05023b49136a50330ed19edecc41
/usr/share/	
/var/	
