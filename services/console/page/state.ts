import { computed, signal } from '@preact/signals'
import type { About, Failure, HistoryPoint, LeaseMove, LiveEvent, ShardView, Summary } from '../snapshot.ts'
import { events, getJson, RequestError } from './api.ts'

/** What the page knows. Views read these signals, and are rendered again when one of them changes. */
export const about = signal<About | undefined>(undefined)
export const summary = signal<Summary | undefined>(undefined)
export const shards = signal<ReadonlyMap<string, ShardView>>(new Map())
export const moves = signal<readonly LeaseMove[]>([])
export const points = signal<readonly HistoryPoint[]>([])
/** Why there is no live data. Undefined while there is. */
export const offline = signal<Failure | undefined>(undefined)
/** The token is missing or old, so only another link helps. */
export const isLocked = signal(false)
/** Epoch milliseconds. Moves once a second while the page is visible. */
export const now = signal(Date.now())

export const findings = computed(() => summary.value?.findings ?? [])
export const openShards = computed(() => [...shards.value.values()].filter(({ isClosed }) => !isClosed))

const MAX_POINTS = 720
const MAX_MOVES = 500
const RETRY_MS = 2_000

/** Receives live data for as long as the page is open. */
export async function connect(): Promise<void> {
  setInterval(() => {
    if (!document.hidden) now.value = Date.now()
  }, 1_000)
  while (!isLocked.value) {
    try {
      about.value = await getJson<About>('/api/about')
      let isFirst = true
      for await (const event of events<LiveEvent>('/api/live', new AbortController().signal)) {
        apply(event, isFirst)
        isFirst = false
      }
      offline.value = {
        title: 'The connection to the console has ended.',
        advice: 'The page connects again by itself.',
      }
    } catch (error) {
      if (!(error instanceof RequestError) && !(error instanceof TypeError)) throw error
      if (error instanceof RequestError && error.status === 401) isLocked.value = true
      offline.value = error instanceof RequestError ? error.failure : { title: 'The connection was lost.', advice: '' }
    }
    await new Promise(resolve => setTimeout(resolve, RETRY_MS))
  }
}

function apply(event: LiveEvent, isFirst: boolean): void {
  const next = new Map(isFirst ? [] : shards.value)
  for (const shard of event.shards) next.set(shard.id, shard)
  for (const id of event.gone) next.delete(id)
  shards.value = next
  moves.value = isFirst ? event.moves : [...event.moves, ...moves.value].slice(0, MAX_MOVES)
  points.value = isFirst ? event.history : [...points.value, ...event.history].slice(-MAX_POINTS)
  summary.value = event.summary
  offline.value = undefined
  now.value = Date.now()
}

/** The view that the address selects, such as `['stream', 'shardId-000000000000']`. */
export const route = signal(routeOf(location.hash))

addEventListener('hashchange', () => {
  route.value = routeOf(location.hash)
})

function routeOf(hash: string): string[] {
  const parts = hash.replace(/^#\/?/, '').split('/').filter(Boolean)
  return parts.length === 0 ? ['overview'] : parts.map(decodeURIComponent)
}

const THEME_KEY = 'headgate-console-theme'
export type Theme = 'auto' | 'light' | 'dark'

/** The theme that the user chose. `auto` follows the system. */
export const theme = signal<Theme>((localStorage.getItem(THEME_KEY) as Theme | null) ?? 'auto')

export function setTheme(chosen: Theme): void {
  theme.value = chosen
  localStorage.setItem(THEME_KEY, chosen)
  document.documentElement.dataset.theme = chosen
}
