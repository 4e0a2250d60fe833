import type { Sight } from './snapshot.ts'
import type { Watch } from './watch.ts'

/** https://html.spec.whatwg.org/multipage/server-sent-events.html */
export const EVENT_STREAM = 'text/event-stream'

export interface EventStreamSettings {
  /** The tag of the state that the client has seen, if any. */
  lastSeen: string | undefined
  /** How long it may be silent, in milliseconds: a comment tells everybody on the way that it lives. */
  heartbeatMs: number
  /** How long the client waits before it comes again, in milliseconds. */
  retryMs: number
}

/**
 * Every state of an upload as an event, from the one that the client has not seen yet to the last, which ends the stream. States
 * that pass between two looks are not told: each event is the whole state. `upload` has it, `deleted` says that there is none.
 */
export async function* eventStream<T>(watch: Watch<T>, settings: EventStreamSettings): AsyncGenerator<string> {
  const { heartbeatMs, retryMs } = settings
  let told = settings.lastSeen
  yield retry(retryMs)
  for (let ms = 0; ; ms = heartbeatMs) {
    const sight = await watch.until(seen => seen?.tag !== told, ms)
    if (!sight) {
      yield DELETED
      return
    }
    if (sight.tag !== told) yield event(sight)
    else if (ms > 0 && !watch.isOver) yield ': still here\n\n'
    told = sight.tag
    if (sight.isFinal || watch.isOver) return
  }
}

/** The same for where an answer leaves whole: what there is now. The client comes again by itself. */
export function eventSnapshot<T>(
  sight: Sight<T>,
  { lastSeen, retryMs }: Omit<EventStreamSettings, 'heartbeatMs'>,
): string {
  return retry(retryMs) + (sight.tag === lastSeen ? '' : event(sight))
}

const DELETED = 'event: deleted\ndata: {}\n\n'

function retry(ms: number): string {
  return `retry: ${ms}\n\n`
}

/** JSON has no line break of its own, so that it is one line of data. */
function event({ tag, value }: Sight<unknown>): string {
  return `id: ${tag}\nevent: upload\ndata: ${JSON.stringify(value)}\n\n`
}
