/**
 * Yields the values of an iterable until the signal fires. Then throws the signal's reason at once, even if the iterable hangs.
 * `for await`, a generator and `Readable.from` would all wait for the iterable first.
 */
export async function* untilAborted<T>(iterable: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  const iterator = iterable[Symbol.asyncIterator]()
  let interrupt: ((reason: unknown) => void) | undefined
  const onAbort = () => interrupt?.(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    while (true) {
      signal.throwIfAborted()
      const step = await new Promise<IteratorResult<T>>((resolve, reject) => {
        interrupt = reject
        iterator.next().then(resolve, reject)
      })
      if (step.done) return
      yield step.value
    }
  } finally {
    signal.removeEventListener('abort', onAbort)
    // Not awaited, because it would wait for the call that hangs. Nothing is left to receive its error.
    iterator.return?.().catch(() => undefined)
  }
}
