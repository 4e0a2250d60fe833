/** A signal that fires when any of its sources fires, until it is released. */
export interface AnySignal {
  readonly signal: AbortSignal
  /** Fires the signal for whoever still listens to it, and removes its listeners from the sources. */
  release(): void
}

/** Why the signal fires for those that wait for nothing any more. */
const RELEASED = new DOMException('The wait is over.', 'AbortError')

/**
 * Follows several signals for the time of one wait. The caller releases the signal when the wait ends.
 *
 * `AbortSignal.any` does not fit here. While such a signal has a listener and no source has fired, Node keeps the signal and
 * everything that its listeners refer to in a set of the process, even if nobody else refers to the sources any more.
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
