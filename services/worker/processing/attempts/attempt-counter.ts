import { LeaseLostError } from '../../../consumer/index.ts'
import type { Logger } from '../../../platform/log.ts'
import { OutOfTimeError } from '../../errors.ts'
import type { StreamRecord } from '../../stream-record.ts'
import { checkAttempts } from '../failure-policy.ts'
import type { AttemptStore } from './attempt-store.ts'
import { createIsolation, type Isolation } from './isolation.ts'

/** What is known of a record before it is begun. */
export interface Suspicion {
  signal: AbortSignal
  /** It may have been under way in a worker that died. */
  isSuspect: boolean
  /** It is begun with all the time that a function has: to be called off all the same speaks against it. */
  hasWholeTime: boolean
}

export interface AttemptCounterSettings {
  attempts: AttemptStore
  isolation?: Isolation
  log: Pick<Logger, 'warn'>
}

export interface AttemptCounter {
  /**
   * Does the work of a record, and counts it where that is suspect: one that was begun in vain before has its turn alone, so that
   * what dies beside it is not held against it.
   *
   * @throws PoisonRecordError, TooSlowError without having begun, and what the work throws
   */
  runCounted<T>(record: StreamRecord, suspicion: Suspicion, work: () => Promise<T>): Promise<T>
  /** The record was given up, and is counted anew should it come again. */
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

  /** What is left standing speaks against the record only if it goes on like that. */
  function logUncounted({ shardId, sequenceNumber }: StreamRecord) {
    return (err: unknown) => {
      log.warn({ err, shardId, sequenceNumber }, 'how a record ended could not be written down')
    }
  }

  /** @param died as it was counted before the work began. Undefined for a record that nobody suspects */
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
      // The worker lives, and lost its lease: that says nothing against the record.
      else if (isSuspect && signal.reason instanceof LeaseLostError)
        await attempts.takeBack(record, died).catch(logUncounted(record))
      // Called off for anything else it may be what the process is ending of: an error that came out of nobody's call.
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
