/** Memory that Node and libvips need in a process without any content, in bytes. */
const AT_REST = 104 * 1024 ** 2

let limit = Number.POSITIVE_INFINITY

/** Sets the memory limit of this process, in bytes. The worker itself has none. */
export function setMemoryLimit(bytes: number): void {
  limit = bytes
}

/**
 * Returns how many bytes of memory content may take. The value is the same in all processes of a pool, whatever they worked on before, so
 * that the same content is always refused.
 */
export function memoryForContent(): number {
  return limit - AT_REST
}
