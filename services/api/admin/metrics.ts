import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { registerTraceMetrics } from '../../platform/tracing/trace-metrics.ts'
import type { Tracing } from '../../platform/tracing/tracing.ts'
import type { UploadRecord } from '../../uploads/records/record.ts'
import type { Way } from '../body-formats/way.ts'

/** What the api counts. One for each app. */
export interface Metrics {
  /** https://prometheus.io/docs/instrumenting/exposition_formats/ */
  contentType: string
  text(): Promise<string>
  requestStarted(): void
  requestEnded(request: EndedRequest): void
  accepted(way: Way | 'grant' | 'tus', uploads: ReadonlyArray<Pick<UploadRecord, 'size' | 'status'>>): void
  /** Whether Kinesis takes no events, so that none are waited for. */
  eventOutage(isOn: boolean): void
  /** Nothing more is measured. */
  close(): void
}

export interface EndedRequest {
  method: string
  /** As the router has it; undefined where there is none. Never the path: everybody could make new ones. */
  route: string | undefined
  /** `broken-off` where the client has gone. */
  status: number | 'broken-off'
  seconds: number
}

/** Uploads of large files take minutes. */
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, 600]

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

export function createMetrics(tracing?: Pick<Tracing, 'counts'>): Metrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  if (tracing) registerTraceMetrics(registry, tracing)
  const requests = new Counter({
    name: 'headgate_http_requests_total',
    help: 'Requests that were answered or broken off.',
    labelNames: ['method', 'route', 'status'],
    registers,
  })
  const seconds = new Histogram({
    name: 'headgate_http_request_duration_seconds',
    help: 'From the head of a request to the end of its answer.',
    labelNames: ['method', 'route'],
    buckets: SECONDS,
    registers,
  })
  const underWay = new Gauge({
    name: 'headgate_http_requests_under_way',
    help: 'Requests that are not answered yet.',
    registers,
  })
  const uploads = new Counter({
    name: 'headgate_uploads_total',
    help: 'Accepted uploads by the way they came; "stored" has its event in the outbox, "queued" on the stream.',
    labelNames: ['way', 'result'],
    registers,
  })
  const bytes = new Counter({
    name: 'headgate_upload_bytes_total',
    help: 'Bytes of accepted uploads.',
    labelNames: ['way'],
    registers,
  })
  const outage = new Gauge({
    name: 'headgate_event_outage',
    help: '1 while Kinesis takes no events: uploads are answered with 202 without a wait, and wait in the outbox.',
    registers,
  })
  const outages = new Counter({
    name: 'headgate_event_outages_total',
    help: 'How often that began.',
    registers,
  })
  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    requestStarted: () => underWay.inc(),
    requestEnded({ method, route = 'none', status, seconds: took }) {
      const labels = { method: METHODS.has(method) ? method : 'other', route }
      underWay.dec()
      requests.inc({ ...labels, status })
      seconds.observe(labels, took)
    },
    accepted(way, accepted) {
      for (const { size, status } of accepted) {
        uploads.inc({ way, result: status === 'stored' ? 'stored' : 'queued' })
        bytes.inc({ way }, size)
      }
    },
    eventOutage(isOn) {
      outage.set(isOn ? 1 : 0)
      if (isOn) outages.inc()
    },
    close: () => registry.clear(),
  }
}
