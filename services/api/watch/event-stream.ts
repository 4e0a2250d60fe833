import type { Snapshot, Watch } from './watch.ts'

/** https://html.spec.whatwg.org/multipage/server-sent-events.html */
export const EVENT_STREAM = 'text/event-stream'

export interface EventStreamSettings {
  /** The tag of the last state that the client received, if any. */
  lastSeen: string | undefined
  /** Maximum time without an event, in milliseconds. After it a comment is sent, so that proxies keep the connection open. */
  heartbeatMs: number
  /** How long the client waits before it reconnects, in milliseconds. */
  retryMs: number
}

/**
 * Yields an event for every state of an upload that the client has not received yet. The final state ends the stream. Each
 * event `upload` has the whole state, so a state that lasted only between two reads is skipped. The event `deleted` means that
 * the upload no longer exists.
 */
export async function* eventStream<T>(watch: Watch<T>, settings: EventStreamSettings): AsyncGenerator<string> {
  const { heartbeatMs, retryMs } = settings
  let lastSent = settings.lastSeen
  yield retry(retryMs)
  for (let ms = 0; ; ms = heartbeatMs) {
    const snapshot = await watch.until(seen => seen?.tag !== lastSent, ms)
    if (!snapshot) {
      yield DELETED
      return
    }
    if (snapshot.tag !== lastSent) yield event(snapshot)
    else if (ms > 0 && !watch.isOver) yield ': still here\n\n'
    lastSent = snapshot.tag
    if (snapshot.isFinal || watch.isOver) return
  }
}

/** Returns the current state as a stream that ends at once, for responses that are sent as a whole. The client reconnects by itself. */
export function eventSnapshot<T>(
  snapshot: Snapshot<T>,
  { lastSeen, retryMs }: Omit<EventStreamSettings, 'heartbeatMs'>,
): string {
  return retry(retryMs) + (snapshot.tag === lastSeen ? '' : event(snapshot))
}

const DELETED = 'event: deleted\ndata: {}\n\n'

function retry(ms: number): string {
  return `retry: ${ms}\n\n`
}

/** JSON contains no line breaks, so it is one line of data. */
function event({ tag, value }: Snapshot<unknown>): string {
  return `id: ${tag}\nevent: upload\ndata: ${JSON.stringify(value)}\n\n`
}
