// A module as a compiler writes one: loops, a switch, recursion, calls through
// a table, bulk memory and vectors. Its f answers a checksum of them all.
//
// npx asc walk.ts -o walk.wasm -O3 --runtime stub --noAssert --enable simd --use abort=
const at: usize = 4096;
const size: i32 = 256;

function step(kind: i32, n: i64): i64 {
  switch (kind & 7) {
    case 0: return n + 1;
    case 1: return n * 3;
    case 2: return n ^ (n >> 7);
    case 3: return n - 11;
    case 4: return i64(f64(n & 0xffff) * 1.5);
    case 5: return n << 1 | n >>> 63;
    default: return ~n;
  }
}

function ackermann(m: i32, n: i32): i32 {
  if (m == 0) return n + 1;
  if (n == 0) return ackermann(m - 1, 1);
  return ackermann(m - 1, ackermann(m, n - 1));
}

function through(call: (kind: i32, n: i64) => i64, rounds: i32): i64 {
  let n: i64 = 27;
  for (let i = 0; i < rounds; i++) {
    if (i % 5 == 4) continue;
    n = call(i, n);
    if (n == 1) break;
  }
  return n;
}

function vectors(): i64 {
  memory.fill(at, 3, size);
  memory.copy(at + 64, at + 1, 32);
  let sum = i64x2.splat(0);
  for (let i = 0; i < size; i += 16) {
    sum = i64x2.add(sum, v128.load(at + i));
    v128.store(at + i, i32x4.mul(sum, i32x4.splat(i)));
  }
  return i64x2.extract_lane(sum, 0) ^ i64x2.extract_lane(sum, 1);
}

export function f(): i64 {
  let n = through(step, 100) + vectors();
  for (let i: i32 = 0; i < 40; i++) {
    let j = i;
    do {
      n += i64(load<u8>(at + (j & 255)));
      if (j > 130) break;
      j += 7;
    } while (j < 200);
  }
  return n + i64(ackermann(2, 3)) + i64(reinterpret<i64>(f64(n & 0xff) / 3.0) >> 40);
}
