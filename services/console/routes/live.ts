import type { FastifyInstance } from 'fastify'
import type { About, LiveEvent } from '../snapshot.ts'
import type { Snapshot, Watcher } from '../watch/watcher.ts'
import { openResponse } from './stream-response.ts'

export interface LiveDeps {
  about: About
  watcher: Watcher
  /** Fires when the console ends. */
  closing: AbortSignal
}

/** Proxies and browsers keep a connection that sends something from time to time. */
const KEEP_ALIVE_MS = 15_000

export function addLiveRoutes(app: FastifyInstance, { about, watcher, closing }: LiveDeps): void {
  app.get('/api/about', async () => about)

  app.get('/api/live', (_request, reply) => {
    const response = openResponse(reply, 'text/event-stream', closing)
    const nextEvent = createDifference()
    const unwatch = watcher.watch(snapshot => {
      // A slow page skips snapshots. The next event has all that changed.
      if (!response.isReady()) return
      const event = nextEvent(snapshot)
      if (event) void response.write(`data: ${JSON.stringify(event)}\n\n`)
    })
    const keepAlive = setInterval(() => void response.write(': alive\n\n'), KEEP_ALIVE_MS)
    response.signal.addEventListener('abort', () => {
      clearInterval(keepAlive)
      unwatch()
      response.end()
    })
  })
}

/** Returns a function that returns what changed since its last call, or undefined if nothing did. */
export function createDifference(): (snapshot: Snapshot) => LiveEvent | undefined {
  const sent = new Map<string, string>()
  let lastSummary = ''
  let moves = 0
  let points = 0
  return ({ summary, shards, moves: allMoves, history }) => {
    const changed = [...shards.values()].filter(shard => {
      const text = JSON.stringify(shard)
      const isNew = sent.get(shard.id) !== text
      if (isNew) sent.set(shard.id, text)
      return isNew
    })
    const gone = [...sent.keys()].filter(id => !shards.has(id))
    for (const id of gone) sent.delete(id)
    const text = JSON.stringify({ ...summary, at: 0 })
    const newMoves = allMoves.newest.slice(0, allMoves.total - moves)
    const newPoints = history.total > points ? history.newest.slice(points - history.total) : []
    if (text === lastSummary && changed.length + gone.length + newMoves.length + newPoints.length === 0)
      return undefined
    lastSummary = text
    moves = allMoves.total
    points = history.total
    return { summary, shards: changed, gone, moves: newMoves, history: newPoints }
  }
}
