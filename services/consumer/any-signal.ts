/** A signal that fires when any of its sources fires, until it is released. */
export interface AnySignal {
  readonly signal: AbortSignal
  /** Fires the signal for its remaining listeners, and removes its own listeners from the sources. */
  release(): void
}

/** The reason of a signal that fires because it was released. */
const RELEASED = new DOMException('The wait is over.', 'AbortError')

/**
 * Combines several signals for the duration of one wait. The caller releases the signal when the wait ends.
 *
 * `AbortSignal.any` does not fit here. While such a signal has a listener and no source has fired, Node keeps the
 * signal, and everything that its listeners refer to, in a set of the process, even if nothing else refers to the
 * sources any more.
 */
export function anySignal(sources: readonly AbortSignal[]): AnySignal {
  const controller = new AbortController()
  const unlisten = () => {
    for (const source of sources) source.removeEventListener('abort', abort)
  }
  const abort = () => {
    unlisten()
    controller.abort(sources.find(source => source.aborted)?.reason)
  }
  for (const source of sources) source.addEventListener('abort', abort)
  if (sources.some(source => source.aborted)) abort()
  return {
    signal: controller.signal,
    release() {
      unlisten()
      controller.abort(RELEASED)
    },
  }
}
