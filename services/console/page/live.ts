import type { About, Failure, LiveEvent } from '../snapshot.ts'
import { events, getJson, RequestError, token } from './api.ts'
import { about, apply, isLocked, now, offline, wholeState } from './state.ts'

const RETRY_MS = 2_000

/** What the tabs of one console tell each other. */
type Message =
  | { type: 'hello' }
  | { type: 'event'; event: LiveEvent; isFirst: boolean }
  | { type: 'offline'; failure: Failure }

/**
 * Receives live data for as long as the page is open. A browser opens at most six connections to a server, for all tabs together, so six
 * tabs with a stream each would leave none for anything else. Therefore one tab receives the stream and passes it on to the others. If
 * that tab is closed, the next one takes its place.
 */
export async function connect(): Promise<void> {
  setInterval(() => {
    if (!document.hidden) now.value = Date.now()
  }, 1_000)
  // A tab with the token of an earlier console must not get the data of this one.
  const name = `headgate-console ${token()}`
  const channel = new BroadcastChannel(name)
  const tell = (message: Message) => channel.postMessage(message)
  let isReceiver = false
  let hasState = false
  channel.onmessage = ({ data }: MessageEvent<Message>) => {
    if (data.type === 'hello') {
      const event = isReceiver ? wholeState() : undefined
      if (event) tell({ type: 'event', event, isFirst: true })
      return
    }
    if (isReceiver) return
    if (data.type === 'offline') offline.value = data.failure
    else if (data.isFirst || hasState) {
      hasState = true
      apply(data.event, data.isFirst)
    }
  }
  tell({ type: 'hello' })
  void readAbout()
  await navigator.locks.request(name, async () => {
    isReceiver = true
    await receive(tell)
  })
}

/** Every tab reads it, also one that gets the stream from another tab. */
async function readAbout(): Promise<void> {
  try {
    about.value = await getJson<About>('/api/about')
  } catch (error) {
    fail(error)
  }
}

async function receive(tell: (message: Message) => void): Promise<void> {
  while (!isLocked.value) {
    try {
      about.value = await getJson<About>('/api/about')
      let isFirst = true
      for await (const event of events<LiveEvent>('/api/live', new AbortController().signal)) {
        apply(event, isFirst)
        tell({ type: 'event', event, isFirst })
        isFirst = false
      }
      offline.value = {
        title: 'The connection to the console has ended.',
        advice: 'The page connects again by itself.',
      }
    } catch (error) {
      fail(error)
    }
    if (offline.value) tell({ type: 'offline', failure: offline.value })
    await new Promise(resolve => setTimeout(resolve, RETRY_MS))
  }
}

/** Shows why there is no live data. An error that is a bug is thrown again. */
function fail(error: unknown): void {
  if (!(error instanceof RequestError) && !(error instanceof TypeError)) throw error
  if (error instanceof RequestError && error.status === 401) isLocked.value = true
  offline.value = error instanceof RequestError ? error.failure : { title: 'The connection was lost.', advice: '' }
}
