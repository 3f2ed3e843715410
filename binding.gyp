# The Node addon: every kernel of this architecture behind kernels/addon. Compilers: g++ 12 or newer, clang.
{
  "variables": {
    "conditions": [
      ["target_arch == 'x64'", {"architecture": "x86"}],
      ["target_arch == 'arm64'", {"architecture": "arm"}],
      ["target_arch not in ('x64', 'arm64')", {"architecture": "none"}]
    ],
    # -ffp-contract=off is part of the numeric contract; instruction sets are stated in the kernels, function by function.
    "flags": [
      "-std=c++20", "-O3", "-ffp-contract=off", "-fPIC", "-fno-exceptions", "-fno-rtti", "-fvisibility=hidden",
      "-Wall", "-Wextra"
    ]
  },
  "targets": [
    {
      "target_name": "bitlinear",
      "sources": ["<!@(find kernels kernels/addon kernels/<(architecture) -maxdepth 1 -name '*.cc' | sort)"],
      "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
      # A worker that is terminated can run no JavaScript any more: what its runs would say then must not end the process.
      "defines": ["NAPI_VERSION=8", "NAPI_DISABLE_CPP_EXCEPTIONS", "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS"],
      "cflags_cc": ["<@(flags)"],
      "conditions": [
        # A prebuilt binary asks the machine it comes to for no more than a C library.
        ["OS == 'linux'", {"ldflags": ["-static-libstdc++", "-static-libgcc", "-Wl,--gc-sections", "-s"]}],
        ["OS == 'mac'", {
          "xcode_settings": {"MACOSX_DEPLOYMENT_TARGET": "11.0", "OTHER_CPLUSPLUSFLAGS": ["<@(flags)"]}
        }]
      ]
    }
  ]
}
