import { computed, signal } from '@preact/signals'
import type { About, Failure, HistoryPoint, LeaseMove, LiveEvent, ShardView, Summary } from '../snapshot.ts'

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

/** Says why a shard is shown without an owner. */
export function ownerless(): string {
  return summary.value?.hasLeases ? 'no owner' : 'owner unknown'
}

const MAX_POINTS = 720
const MAX_MOVES = 500

/** Adds what an event says. The first event has everything. */
export function apply(event: LiveEvent, isFirst: boolean): void {
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

/** Returns everything that the page knows, as a first event for another tab. Undefined if it knows nothing yet. */
export function wholeState(): LiveEvent | undefined {
  if (!summary.value) return undefined
  const all = [...shards.value.values()]
  return { summary: summary.value, shards: all, gone: [], moves: moves.value, history: points.value }
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
