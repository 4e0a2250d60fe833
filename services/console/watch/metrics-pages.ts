import { lookup } from 'node:dns/promises'
import { fetch } from 'undici'
import type { DestinationView } from '../notification-views.ts'
import type { MemoryView, ThroughputView } from '../snapshot.ts'
import { type Buckets, bucketsOf, quantile } from './histogram.ts'
import { parseMetrics, type Samples } from './prometheus-text.ts'

export interface MetricsPagesSettings {
  /** The pages /metrics of the api and of the workers. A name with several addresses stands for as many pages. */
  urls: readonly string[]
  /** Epoch milliseconds. */
  wallClock: () => number
}

/** The counters of one page. */
interface Counters {
  accepted: number | undefined
  processed: number | undefined
  failed: number | undefined
  latency: Buckets
}

/** What was counted between two reads. */
interface Step extends Counters {
  at: number
  seconds: number
}

interface Read {
  at: number
  counters: Counters
  samples: Samples
}

const TIMEOUT_MS = 2_000
/** The quantiles of the latency are those of the uploads that ended in this time. */
const WINDOW_MS = 60_000

/**
 * Reads the pages /metrics of the api and of the workers, and turns their counters into rates. A counter that shrinks belongs to a
 * process that has started again.
 */
export class MetricsPages {
  readonly #settings: MetricsPagesSettings
  #last = new Map<string, Read>()
  #steps: Step[] = []
  #silent: readonly string[] = []

  constructor(settings: MetricsPagesSettings) {
    this.#settings = settings
  }

  /** Forgets what was read, because nobody has read since then. */
  restart(): void {
    this.#last = new Map()
    this.#steps = []
    this.#silent = []
  }

  /** Reads all pages. A page that does not respond is named in the view, and its process counts as one that has ended. */
  async read(signal: AbortSignal): Promise<void> {
    const { urls, wallClock } = this.#settings
    const found = await Promise.all(urls.map(url => addressesOf(url)))
    const bound = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)])
    const replies = await Promise.all(found.flat().map(async url => ({ url, samples: await readPage(url, bound) })))
    if (signal.aborted) return
    const at = wallClock()
    const last = new Map<string, Read>()
    const steps: Step[] = []
    for (const { url, samples } of replies) {
      if (!samples) continue
      const counters = countersOf(samples)
      const before = this.#last.get(url)
      last.set(url, { at, counters, samples })
      if (before) steps.push(stepBetween(before, { at, counters }))
    }
    this.#last = last
    this.#silent = replies.flatMap(({ url, samples }) => (samples ? [] : [url]))
    const started = at - WINDOW_MS
    this.#steps = [...this.#steps.filter(step => step.at > started), ...steps]
  }

  /** Returns the records in memory of the workers that a page names, by the id of the worker. */
  memory(applicationName: string): Map<string, MemoryView> {
    return new Map([...this.#last.values()].flatMap(({ samples }) => [...memoryOf(samples, applicationName)]))
  }

  /** Returns what the workers say about the destinations of notifications, by name. */
  destinations(): DestinationView[] {
    const all = new Map<string, DestinationView>()
    for (const { samples } of this.#last.values()) {
      for (const { labels, value } of samples.get('headgate_notifications_held_back') ?? []) {
        const { destination: name = '' } = labels
        const known = all.get(name) ?? { name, workers: 0, heldBackBy: 0, sent: 0, failed: 0, givenUp: 0 }
        const total = (metric: string) => samples.get(metric)?.find(one => one.labels.destination === name)?.value ?? 0
        all.set(name, {
          name,
          workers: known.workers + 1,
          heldBackBy: known.heldBackBy + (value > 0 ? 1 : 0),
          sent: known.sent + total('headgate_notifications_sent_total'),
          failed: known.failed + total('headgate_notifications_failed_total'),
          givenUp: known.givenUp + total('headgate_notification_dead_letters_total'),
        })
      }
    }
    return [...all.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  view(): ThroughputView {
    const reads = [...this.#last.values()]
    const newest = Math.max(...reads.map(({ at }) => at))
    const current = this.#steps.filter(({ at }) => at === newest)
    const rate = (name: 'accepted' | 'processed' | 'failed') =>
      sumOf(current.map(step => (step[name] === undefined ? undefined : step[name] / step.seconds)))
    const latency = this.#steps.map(step => step.latency)
    const gauges = (...names: string[]) =>
      reads.flatMap(({ samples }) => names.flatMap(name => samples.get(name)?.map(({ value }) => value) ?? []))
    const drain = maxOf(gauges('headgate_time_to_drain_seconds', 'headgate_consumer_time_to_drain_seconds'))
    const outbox = maxOf(gauges('headgate_outbox_age_seconds'))
    const breakers = gauges('headgate_breaker_open', 'headgate_consumer_breaker_open')
    const outage = maxOf(gauges('headgate_event_outage'))
    return {
      acceptedPerSecond: rate('accepted'),
      processedPerSecond: rate('processed'),
      failedPerSecond: rate('failed'),
      latencyP50Ms: toMs(quantile(latency, 0.5)),
      latencyP99Ms: toMs(quantile(latency, 0.99)),
      timeToDrainMs: drain === null || !Number.isFinite(drain) ? null : drain * 1_000,
      isFallingBehind: drain === Number.POSITIVE_INFINITY,
      outboxAgeMs: toMs(outbox),
      openBreakers: breakers.length === 0 ? null : breakers.filter(value => value > 0).length,
      isEventOutage: outage === null ? null : outage > 0,
      pages: reads.length,
      silentPages: this.#silent,
    }
  }
}

/** A name may stand for several processes, such as the tasks of a service. Only http: can be sent to an address instead. */
async function addressesOf(url: string): Promise<string[]> {
  const { protocol, hostname } = new URL(url)
  if (protocol !== 'http:' || /^[\d.]+$|^\[|^localhost$/.test(hostname)) return [url]
  try {
    const found = await lookup(hostname, { all: true })
    // A process with an address of each kind must not count twice.
    const isV4 = found.some(({ family }) => family === 4)
    return found
      .filter(({ family }) => isV4 === (family === 4))
      .map(({ address, family }) => {
        const each = new URL(url)
        each.hostname = family === 6 ? `[${address}]` : address
        return each.href
      })
  } catch {
    // The name is unknown, so the request fails too, and the page is shown as silent.
    return [url]
  }
}

/** @returns undefined if the page does not respond, or is not a page of metrics */
async function readPage(url: string, signal: AbortSignal): Promise<Samples | undefined> {
  try {
    const response = await fetch(url, { signal })
    const text = await response.text()
    return response.ok ? parseMetrics(text) : undefined
  } catch {
    return undefined
  }
}

/** The page of a worker has one worker. That of an application of the consumer may have several, also of other applications. */
function* memoryOf(samples: Samples, applicationName: string): Generator<[string, MemoryView]> {
  const prefixes = [
    {
      info: 'headgate_worker_info',
      used: 'headgate_record_bytes_buffered',
      max: 'headgate_record_bytes_buffered_limit',
    },
    {
      info: 'headgate_consumer_worker_info',
      used: 'headgate_consumer_buffered_data_bytes',
      max: 'headgate_consumer_buffered_data_limit_bytes',
    },
  ]
  for (const { info, used, max } of prefixes) {
    for (const { labels } of samples.get(info) ?? []) {
      const { worker, application, stream } = labels
      if (worker === undefined || (application !== undefined && application !== applicationName)) continue
      const only = (name: string) => {
        const found = samples
          .get(name)
          ?.filter(one => one.labels.application === application && one.labels.stream === stream)
        // Two workers of one application and stream in a process have the same labels, so that neither value is known.
        return found?.length === 1 ? found[0]?.value : undefined
      }
      const [usedBytes, maxBytes] = [only(used), only(max)]
      if (usedBytes !== undefined && maxBytes !== undefined) yield [worker, { usedBytes, maxBytes }]
    }
  }
}

function countersOf(samples: Samples): Counters {
  const total = (name: string, fits: (labels: Readonly<Record<string, string>>) => boolean = () => true) =>
    samples.get(name)?.reduce((sum, { labels, value }) => (fits(labels) ? sum + value : sum), 0)
  const failed = total('headgate_dead_letters_total') ?? total('headgate_consumer_records_dead_lettered_total')
  const isWorker = samples.has('headgate_record_processing_seconds')
  // Dead letters are done too.
  const done = total('headgate_record_processing_seconds_count', ({ result }) => result === 'done') ?? 0
  return {
    accepted: total('headgate_uploads_total'),
    processed: isWorker ? done - (failed ?? 0) : total('headgate_consumer_records_handled_total'),
    failed,
    latency: bucketsOf(samples.get('headgate_upload_latency_seconds_bucket') ?? []),
  }
}

function stepBetween(before: Read, now: Omit<Read, 'samples'>): Step {
  const difference = (from: number | undefined, to: number | undefined) =>
    to === undefined ? undefined : to < (from ?? 0) ? to : to - (from ?? 0)
  const { counters } = now
  const old = before.counters
  return {
    at: now.at,
    seconds: Math.max(1, now.at - before.at) / 1_000,
    accepted: difference(old.accepted, counters.accepted),
    processed: difference(old.processed, counters.processed),
    failed: difference(old.failed, counters.failed),
    latency: new Map(
      [...counters.latency].map(([bound, count]) => [bound, difference(old.latency.get(bound), count) ?? 0]),
    ),
  }
}

function sumOf(values: ReadonlyArray<number | undefined>): number | null {
  const known = values.filter(value => value !== undefined)
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0)
}

function maxOf(values: readonly number[]): number | null {
  return values.length === 0 ? null : Math.max(...values)
}

function toMs(seconds: number | null): number | null {
  return seconds === null ? null : seconds * 1_000
}
