/** What Node and libvips take in a process before they hold any content. In bytes. */
const AT_REST = 104 * 1024 ** 2

let limit = Number.POSITIVE_INFINITY

/** Says how much memory this process may have, in bytes. Without a limit, as in the worker itself, it is never said. */
export function setMemoryLimit(bytes: number): void {
  limit = bytes
}

/**
 * Returns how many bytes of this process's memory content may take. The same in every process of a pool, whatever it worked on
 * before, so that the same content is refused each time.
 */
export function memoryForContent(): number {
  return limit - AT_REST
}
