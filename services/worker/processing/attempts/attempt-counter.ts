import { LeaseLostError } from '../../../consumer/index.ts'
import type { Logger } from '../../../platform/log.ts'
import { OutOfTimeError } from '../../errors.ts'
import type { StreamRecord } from '../../stream-record.ts'
import { checkAttempts } from '../failure-policy.ts'
import type { AttemptStore } from './attempt-store.ts'
import { createIsolation, type Isolation } from './isolation.ts'

/** What is known about a record before an attempt. */
export interface Suspicion {
  signal: AbortSignal
  /** True if the record may have been in flight in a worker that died. */
  isSuspect: boolean
  /** True if the attempt has all the time of a Lambda function. If it runs out of time, that counts against the record. */
  hasWholeTime: boolean
}

export interface AttemptCounterSettings {
  attempts: AttemptStore
  isolation?: Isolation
  log: Pick<Logger, 'warn'>
}

export interface AttemptCounter {
  /**
   * Runs the work of a record, and counts the attempt if the record is suspect. A record with counted deaths runs alone, so that the
   * death of another record does not count against it.
   *
   * @throws PoisonRecordError, TooSlowError before the work starts, and errors of the work
   */
  runCounted<T>(record: StreamRecord, suspicion: Suspicion, work: () => Promise<T>): Promise<T>
  /** Deletes the count of a record that was dead-lettered. A redriven record is counted from zero. */
  forget(record: StreamRecord): Promise<void>
}

export function createAttemptCounter({
  attempts,
  isolation = createIsolation(),
  log,
}: AttemptCounterSettings): AttemptCounter {
  async function forget(record: StreamRecord): Promise<void> {
    await attempts.forget(record).catch(logUncounted(record))
  }

  /** A count that was not updated matters only if the record keeps failing. */
  function logUncounted({ shardId, sequenceNumber }: StreamRecord) {
    return (err: unknown) => {
      log.warn({ err, shardId, sequenceNumber }, 'the attempt count of a record could not be updated')
    }
  }

  /** @param died deaths counted at the start of the attempt. Undefined for a record that is not suspect */
  async function recordOutcome<T>(
    record: StreamRecord,
    { signal, hasWholeTime, died }: Suspicion & { died?: number },
    work: () => Promise<T>,
  ): Promise<T> {
    const isSuspect = died !== undefined
    try {
      return await work()
    } catch (error) {
      const isOutOfTime = signal.reason instanceof OutOfTimeError
      if (isOutOfTime && hasWholeTime) await attempts.addOutOfTime(record).catch(logUncounted(record))
      // The worker lost its lease and lives. That does not count against the record.
      else if (isSuspect && signal.reason instanceof LeaseLostError)
        await attempts.takeBack(record, died).catch(logUncounted(record))
      // After any other abort the count stays: the process may be ending because of an uncaught error of this record.
      else if (isSuspect && (isOutOfTime || !signal.aborted)) await forget(record)
      throw error
    }
  }

  return {
    forget,
    async runCounted(record, suspicion, work) {
      const { signal, isSuspect } = suspicion
      if (!isSuspect) return isolation.together(() => recordOutcome(record, suspicion, work), signal)
      const before = await attempts.read(record)
      checkAttempts(before)
      const { died } = before
      const counted = async () => {
        await attempts.begin(record, died + 1)
        const result = await recordOutcome(record, { ...suspicion, died: died + 1 }, work)
        await forget(record)
        return result
      }
      return died === 0 ? isolation.together(counted, signal) : isolation.alone(counted, { died, signal })
    },
  }
}
