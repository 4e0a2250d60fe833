import type { ShardView } from '../snapshot.ts'

/** Returns a duration such as `4.2 s`, `3 min` or `2 h`. */
export function duration(ms: number): string {
  if (ms < 50) return '0 s'
  const seconds = ms / 1_000
  if (seconds < 10) return `${seconds.toFixed(1)} s`
  if (seconds < 120) return `${Math.round(seconds)} s`
  const minutes = seconds / 60
  if (minutes < 120) return `${Math.round(minutes)} min`
  const hours = minutes / 60
  return hours < 48 ? `${Math.round(hours)} h` : `${Math.round(hours / 24)} d`
}

/** Returns a duration with one unit and no more than two digits that matter, for the axis of a chart. */
export function preciseDuration(ms: number): string {
  return ms === 0 ? '0' : duration(ms)
}

/** Returns a latency, which is often shorter than a second: `85 ms`, `1.2 s`. */
export function latency(ms: number): string {
  if (ms === 0) return '0'
  return ms < 1_000 ? `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms` : duration(ms)
}

/** Returns an age without decimals, which would flicker. */
export function age(ms: number): string {
  return ms < 10_000 ? `${Math.round(Math.max(0, ms) / 1_000)} s` : duration(ms)
}

export function rate(perSecond: number): string {
  if (perSecond === 0) return '0'
  if (perSecond < 0.1) return perSecond.toFixed(2)
  if (perSecond < 10) return perSecond.toFixed(1)
  return Math.round(perSecond).toLocaleString('en')
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB']

export function bytes(count: number): string {
  const power = count < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(count) / 10))
  const value = count / 1024 ** power
  return `${value < 10 && power > 0 ? value.toFixed(1) : Math.round(value)} ${UNITS[power]}`
}

export function count(number: number, noun: string, plural = `${noun}s`): string {
  return `${number.toLocaleString('en')} ${number === 1 ? noun : plural}`
}

const clock = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hour12: false,
})
const day = new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric' })

/** Returns a time in the zone of the viewer, with the day unless it is today. */
export function time(at: number): string {
  const date = new Date(at)
  const isToday = date.toDateString() === new Date().toDateString()
  return isToday ? clock.format(date) : `${day.format(date)} ${clock.format(date)}`
}

const hourAndMinute = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', hour12: false })

export function minute(at: number): string {
  return hourAndMinute.format(at)
}

/** Returns the text of an input for a local time. */
export function localTime(at: number): string {
  const date = new Date(at)
  return new Date(at - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 19)
}

/** Returns the epoch milliseconds of a local time. Nothing is older than 1970. */
export function epochOf(local: string): number {
  return Math.max(0, new Date(local).getTime())
}

/** Shortens `shardId-000000000003` to `shard 3`. Other ids stay as they are. */
export function shardName(id: string): string {
  const number = /^shardId-0*(\d+)$/.exec(id)?.[1]
  return number === undefined ? id : `shard ${number}`
}

const LAST_HASH_KEY = 2n ** 128n - 1n

/** Returns where a hash key lies in the space of all keys, from 0 to 1. */
export function hashFraction(key: string | null): number {
  return key === null ? 0 : Number((BigInt(key) * 1_000_000n) / LAST_HASH_KEY) / 1_000_000
}

/** Shortens the ids of shards in a sentence, as `shardName` does. */
export function withShardNames(sentence: string): string {
  return sentence.replaceAll(/shardId-\d+/g, shardName)
}

/** Returns the part of the hash keys that a shard has, in words. */
export function hashShare({ firstHashKey, lastHashKey }: ShardView): string {
  if (firstHashKey === null || lastHashKey === null) return 'unknown'
  const share = (hashFraction(lastHashKey) - hashFraction(firstHashKey)) * 100
  return `${share >= 10 ? Math.round(share) : share.toFixed(2)}\u00a0% of all keys`
}

/** How far a shard was behind when it was measured, in milliseconds. Undefined if that is unknown. */
export function lagOf({ lag }: ShardView): number | undefined {
  if (lag === null) return undefined
  return lag.oldestWaiting === null ? 0 : Math.max(0, lag.measuredAt - lag.oldestWaiting)
}

/** The limits of a shard, of which a hot shard uses most. */
export function loadOf({ arrivals }: ShardView): number | undefined {
  if (arrivals === null) return undefined
  return Math.max(arrivals.recordsPerSecond / 1_000, arrivals.bytesPerSecond / 1024 ** 2)
}

export type Level = 'ok' | 'warn' | 'bad' | 'idle'

export function lagLevel(lagMs: number | undefined): Level {
  if (lagMs === undefined) return 'idle'
  return lagMs > 300_000 ? 'bad' : lagMs > 30_000 ? 'warn' : 'ok'
}

const COLORS = 8
const colors = new Map<string, number>()

/** Returns the number of the color of a worker. Workers get their colors in the order in which they are first shown. */
export function colorOf(owner: string): number {
  const known = colors.get(owner) ?? colors.size % COLORS
  colors.set(owner, known)
  return known
}
