/**
 * Passes an iterable on until the signal fires. Then it throws the signal's reason at once, though the iterable may hang:
 * a `for await`, a generator and `Readable.from` would all wait for it first.
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
    // Not waited for, because it queues behind what hangs. What it still throws has nobody left to tell.
    iterator.return?.().catch(() => undefined)
  }
}
