/**
 * Which system calls a program in the strict sandbox may not use, as a classic BPF program for the kernel
 * (seccomp(2), SECCOMP_SET_MODE_FILTER).
 */

/** The descriptor on which `bwrap` is given the filter, the first after the standard ones. */
export const SECCOMP_DESCRIPTOR = 3;

interface Architecture {
  /** AUDIT_ARCH_* of linux/audit.h. */
  readonly audit: number;
  /** Calls from here on are those of another ABI (x32), with numbers of their own. */
  readonly otherAbi: number;
  /** With flags as their first argument, of which one asks for a user namespace. */
  readonly flagged: readonly number[];
  readonly refused: readonly number[];
}

const NEVER = 0xffff_ffff;

/** Numbers of calls: asm/unistd_64.h and asm-generic/unistd.h of Linux. */
const ARCHITECTURES: Readonly<Record<string, Architecture>> = {
  x64: {
    audit: 0xc000_003e,
    otherAbi: 0x4000_0000,
    // clone, unshare
    flagged: [56, 272],
    // add_key, request_key, keyctl, setns, bpf, perf_event_open, userfaultfd
    refused: [248, 249, 250, 308, 321, 298, 323],
  },
  arm64: {
    audit: 0xc000_00b7,
    otherAbi: NEVER,
    flagged: [220, 97],
    refused: [217, 218, 219, 268, 280, 241, 282],
  },
};

/** Its flags are in memory, where a filter cannot see them; libraries use clone when it is missing. */
const CLONE3 = 435;
const CLONE_NEWUSER = 0x1000_0000;

/** Places in struct seccomp_data; both architectures are little-endian. */
const NUMBER_AT = 0;
const ARCHITECTURE_AT = 4;
const FIRST_ARGUMENT_AT = 16;

const LOAD = 0x20;
const IF_EQUAL = 0x15;
const IF_AT_LEAST = 0x35;
const IF_ANY_BIT = 0x45;
const RETURN = 0x06;

const ALLOW = 0x7fff_0000;
const KILL = 0x8000_0000;
const EPERM = 0x0005_0001;
const ENOSYS = 0x0005_0026;

type Instruction = readonly [code: number, ifTrue: number, ifFalse: number, value: number];

/**
 * The filter for programs of this machine: no keyrings, which are the gateway's too, and no namespaces of
 * their own, in which they would reach much more of the kernel. `null` for an architecture whose calls
 * are not known here.
 */
export function seccompFilter(architecture: string = process.arch): Buffer | null {
  const known = ARCHITECTURES[architecture];
  if (known === undefined) return null;
  const { audit, otherAbi, flagged, refused } = known;
  const program: readonly Instruction[] = [
    [LOAD, 0, 0, ARCHITECTURE_AT],
    [IF_EQUAL, 1, 0, audit],
    [RETURN, 0, 0, KILL],
    [LOAD, 0, 0, NUMBER_AT],
    ...answer(IF_AT_LEAST, otherAbi, ENOSYS),
    ...answer(IF_EQUAL, CLONE3, ENOSYS),
    ...refused.flatMap((number) => answer(IF_EQUAL, number, EPERM)),
    ...flagged.flatMap((number) => withoutFlag(number, CLONE_NEWUSER)),
    [RETURN, 0, 0, ALLOW],
  ];
  return Buffer.concat(program.map(encode));
}

function answer(condition: number, value: number, verdict: number): readonly Instruction[] {
  return [
    [condition, 0, 1, value],
    [RETURN, 0, 0, verdict],
  ];
}

function withoutFlag(number: number, flag: number): readonly Instruction[] {
  const rest: readonly Instruction[] = [
    [LOAD, 0, 0, FIRST_ARGUMENT_AT],
    ...answer(IF_ANY_BIT, flag, EPERM),
    [RETURN, 0, 0, ALLOW],
  ];
  return [[IF_EQUAL, 0, rest.length, number], ...rest];
}

/** struct sock_filter */
function encode([code, ifTrue, ifFalse, value]: Instruction): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt16LE(code, 0);
  bytes.writeUInt8(ifTrue, 2);
  bytes.writeUInt8(ifFalse, 3);
  bytes.writeUInt32LE(value, 4);
  return bytes;
}
