import { Counter, Histogram, type Registry } from 'prom-client'
import type { UploadEvent } from '../../uploads/events/event.ts'
import type { EventPublisher } from '../../uploads/events/publisher.ts'
import type { NotificationCounts } from '../notifications/receiver.ts'
import type { DeadLetters, Processor } from '../processing/processor.ts'
import type { ScanCounts } from '../scanning/counts.ts'

/** Wraps the services of a worker so that their work is counted. */
export interface ProcessingMetrics {
  processor(processor: Processor): Processor
  deadLetters(deadLetters: DeadLetters): DeadLetters
  /** Counts the events of the outbox relay, the only publisher in a worker. */
  publisher<P extends Pick<EventPublisher, 'publish'>>(publisher: P): P
  /** Measures the time since an upload was accepted, as its event says. Called when the upload is processed, failed or quarantined. */
  uploadEnded(event: Pick<UploadEvent, 'uploadedAt'>): void
  /** Counts notifications. */
  notifications: NotificationCounts
  /** Counts scans for malware. */
  scans: ScanCounts
}

/** Histogram buckets, in seconds. A text takes milliseconds, the largest files take minutes. */
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800]

export function createProcessingMetrics(registry: Registry): ProcessingMetrics {
  const registers = [registry]
  const processing = new Histogram({
    name: 'headgate_record_processing_seconds',
    help: 'Duration of attempts of records, by result: "done", or "error" for an attempt that is retried.',
    labelNames: ['result'],
    buckets: SECONDS,
    registers,
  })
  const latency = new Histogram({
    name: 'headgate_record_latency_seconds',
    help: 'Time from the arrival of a record in Kinesis until it was done, by the clocks of Kinesis and the worker.',
    buckets: SECONDS,
    registers,
  })
  const uploadLatency = new Histogram({
    name: 'headgate_upload_latency_seconds',
    help: 'Time from the acceptance of an upload until it was processed, failed or quarantined, by the clocks of the api and the worker.',
    buckets: SECONDS,
    registers,
  })
  const deadLettered = new Counter({
    name: 'headgate_dead_letters_total',
    help: 'Dead letters, by the code of the failure.',
    labelNames: ['code'],
    registers,
  })
  const published = new Counter({
    name: 'headgate_outbox_events_total',
    help: 'Events of the outbox, by result: "published", or "refused" for an event that is retried.',
    labelNames: ['result'],
    registers,
  })
  const quarantined = new Counter({
    name: 'headgate_uploads_quarantined_total',
    help: 'Uploads in which the scanner found malware.',
    registers,
  })
  const scanFailures = new Counter({
    name: 'headgate_scan_failures_total',
    help: 'Scans without a verdict: the scanner failed, or the file exceeds one of its limits.',
    registers,
  })
  const destination = (name: string, help: string) => {
    const counter = new Counter({ name, help, labelNames: ['destination'], registers })
    return (destination: string) => counter.inc({ destination })
  }

  return {
    notifications: {
      sent: destination('headgate_notifications_sent_total', 'Notifications that the destination accepted.'),
      failed: destination(
        'headgate_notifications_failed_total',
        'Attempts to send a notification that the destination did not accept.',
      ),
      deadLettered: destination('headgate_notification_dead_letters_total', 'Notifications that were given up.'),
    },
    scans: { quarantined: () => quarantined.inc(), failed: () => scanFailures.inc() },
    uploadEnded({ uploadedAt }) {
      const ms = Date.now() - Date.parse(uploadedAt)
      // The text comes from the stream, and need not be a time.
      if (Number.isFinite(ms)) uploadLatency.observe(Math.max(0, ms) / 1_000)
    },
    processor: ({ process }) => ({
      async process(record, options) {
        const end = processing.startTimer()
        try {
          await process(record, options)
        } catch (error) {
          end({ result: 'error' })
          throw error
        }
        end({ result: 'done' })
        if (record.arrivedAt) latency.observe(Math.max(0, Date.now() - record.arrivedAt.getTime()) / 1_000)
      },
    }),
    deadLetters: deadLetters => ({
      ...deadLetters,
      async write(record, failure, details) {
        const key = await deadLetters.write(record, failure, details)
        deadLettered.inc({ code: failure.code })
        return key
      },
    }),
    publisher: publisher => ({
      ...publisher,
      async publish(event) {
        try {
          await publisher.publish(event)
        } catch (error) {
          published.inc({ result: 'refused' })
          throw error
        }
        published.inc({ result: 'published' })
      },
    }),
  }
}
