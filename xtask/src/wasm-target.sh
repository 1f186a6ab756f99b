#!/usr/bin/env bash
# Makes `rustc --target wasm32-unknown-unknown` work where rustup's own server cannot be reached, on Debian:
# the standard library is built once for wasm32 from the packaged sources and put into the packaged toolchain,
# which rustup then knows as `wasm`.
set -euo pipefail
target=wasm32-unknown-unknown

if [ -z "$(ls "$(/usr/bin/rustc --print target-libdir --target $target 2>/dev/null)"/libstd-*.rlib 2>/dev/null)" ]; then
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends rustc-web cargo-web rust-web-src >/dev/null

  # Debian keeps the linker elsewhere than rustc looks for it.
  sysroot=$(/usr/bin/rustc --print sysroot)
  host=$(/usr/bin/rustc -vV | sed -n 's/^host: //p')
  lld=$(command -v rust-lld || find "$(rustc --print sysroot 2>/dev/null)" -name rust-lld 2>/dev/null | head -1)
  mkdir -p "$sysroot/lib/rustlib/$host/bin"
  [ -e "$sysroot/lib/rustlib/$host/bin/rust-lld" ] || ln -s "$lld" "$sysroot/lib/rustlib/$host/bin/rust-lld"

  # An empty crate is enough to have the standard library built.
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  mkdir -p "$work/src"
  : > "$work/src/lib.rs"
  printf '[package]\nname = "empty"\nversion = "0.0.0"\nedition = "2021"\n' > "$work/Cargo.toml"
  (cd "$work" && env -u RUSTFLAGS RUSTC_BOOTSTRAP=1 RUSTC=/usr/bin/rustc CARGO_TARGET_DIR="$work/target" \
    /usr/bin/cargo build --quiet --release -Zbuild-std=std,panic_abort,proc_macro --target $target)
  mkdir -p "$sysroot/lib/rustlib/$target/lib"
  cp "$work/target/$target/release/deps/"*.rlib "$sysroot/lib/rustlib/$target/lib/"
  rm -f "$sysroot/lib/rustlib/$target/lib/"libempty*
fi

rustup toolchain list | grep -q '^wasm' || rustup toolchain link wasm /usr
