import { type Signal, useSignal } from '@preact/signals'
import { useRef } from 'preact/hooks'
import type { NotificationOutcome } from '../../notification-views.ts'
import type { Failure } from '../../snapshot.ts'
import { RequestError, sendJson } from '../api.ts'
import { count } from '../format.ts'
import { FailureBox } from '../parts.tsx'
import { about } from '../state.ts'
import type { ReadableNotification } from './notifications.tsx'

export interface ReplayNotificationsSettings {
  /** Notifications that were given up. */
  notifications: readonly ReadableNotification[]
  /** The text of the button. */
  button: string
  /** Gets a sentence about what was done. The notifications, and with them the button, may no longer be shown then. */
  result: Signal<string>
  onDone(): Promise<void> | void
}

/** A button that sends notifications again. It first shows what it does, and to how many. */
export function ReplayNotifications({ notifications, button, result, onDone }: ReplayNotificationsSettings) {
  const dialog = useRef<HTMLDialogElement>(null)
  const failure = useSignal<Failure | undefined>(undefined)
  const isRunning = useSignal(false)
  if (!about.value?.allowChanges) return null
  const what = count(notifications.length, 'notification')

  async function run(): Promise<void> {
    isRunning.value = true
    failure.value = undefined
    try {
      const body = { keys: notifications.flatMap(({ key }) => key ?? []) }
      const { outcomes } = await sendJson<{ outcomes: NotificationOutcome[] }>(
        'POST',
        '/api/notifications/replay',
        body,
      )
      result.value = sentenceOf(outcomes)
      dialog.current?.close()
      await onDone()
    } catch (error) {
      if (!(error instanceof RequestError)) throw error
      failure.value = error.failure
    } finally {
      isRunning.value = false
    }
  }

  return (
    <div class="tools">
      <button type="button" onClick={() => dialog.current?.showModal()}>
        {button}
      </button>
      <dialog ref={dialog} aria-label="Send notifications again">
        <h2>Send {what} again?</h2>
        <p>
          Each becomes owed again with the same id, its dead letter is removed, and a worker sends it. If the
          destination does not accept it and 24 hours have passed since the upload got its status, it becomes a dead
          letter again. A notification of an upload that was deleted since is only removed.
        </p>
        <ul class="affected">
          {notifications.slice(0, 5).map(({ key, type, destination, uploadId }) => (
            <li key={key} class="clip">
              {type} of {uploadId} for {destination}
            </li>
          ))}
          {notifications.length > 5 && <li class="muted">and {notifications.length - 5} more</li>}
        </ul>
        {failure.value && <FailureBox failure={failure.value} />}
        <div class="actions">
          <button type="button" onClick={() => dialog.current?.close()}>
            Cancel
          </button>
          <button type="button" class="primary" disabled={isRunning.value} onClick={() => void run()}>
            Send {what} again
          </button>
        </div>
      </dialog>
    </div>
  )
}

const WORDS: Readonly<Record<NotificationOutcome['outcome'], string>> = {
  'owed again': 'owed again: a worker sends them within seconds',
  'upload deleted': 'removed, because the upload was deleted',
  failed: 'failed',
}

function sentenceOf(outcomes: readonly NotificationOutcome[]): string {
  const byOutcome = Map.groupBy(outcomes, ({ outcome }) => outcome)
  return Array.from(byOutcome, ([outcome, all]) => {
    const [first] = all
    return `${all.length} ${WORDS[outcome]}${first?.outcome === 'failed' ? `: ${first.error}` : ''}`
  }).join(', ')
}
