import { type Signal, useSignal } from '@preact/signals'
import { useRef } from 'preact/hooks'
import type { LetterOutcome } from '../../letter-views.ts'
import type { Failure } from '../../snapshot.ts'
import { RequestError, sendJson } from '../api.ts'
import { count } from '../format.ts'
import { FailureBox } from '../parts.tsx'
import { about } from '../state.ts'
import type { ReadableLetter } from './dead-letters.tsx'

type Action = 'redrive' | 'discard'

export interface ChangesSettings {
  letters: readonly ReadableLetter[]
  /** Gets a sentence about what was done. The letters, and with them the buttons, may no longer be shown then. */
  result: Signal<string>
  /** The end of the names of the buttons, such as `all 5` for "Redrive all 5…". */
  which?: string
  onDone(): Promise<void> | void
}

/** Buttons that redrive or discard dead letters. Each first shows what it does, and to how many. */
export function Changes({ letters, result, which, onDone }: ChangesSettings) {
  const dialog = useRef<HTMLDialogElement>(null)
  const action = useSignal<Action>('redrive')
  if (!about.value?.allowChanges) return null
  const open = (chosen: Action) => {
    action.value = chosen
    dialog.current?.showModal()
  }
  return (
    <div class="tools">
      <button type="button" onClick={() => open('redrive')}>
        Redrive{which === undefined ? '' : ` ${which}`}…
      </button>
      <button type="button" class="danger" onClick={() => open('discard')}>
        Discard{which === undefined ? '' : ` ${which}`}…
      </button>
      <dialog ref={dialog} aria-label={action.value === 'redrive' ? 'Redrive dead letters' : 'Discard dead letters'}>
        <Confirmation
          letters={letters}
          action={action.value}
          onClose={() => dialog.current?.close()}
          onResult={async outcomes => {
            result.value = summaryOf(outcomes)
            dialog.current?.close()
            await onDone()
          }}
        />
      </dialog>
    </div>
  )
}

interface ConfirmationSettings {
  letters: readonly ReadableLetter[]
  action: Action
  onClose(): void
  onResult(outcomes: readonly LetterOutcome[]): Promise<void>
}

function Confirmation({ letters, action, onClose, onResult }: ConfirmationSettings) {
  const failure = useSignal<Failure | undefined>(undefined)
  const isRunning = useSignal(false)
  // A redrive leaves out what was redriven before.
  const affected = action === 'redrive' ? letters.filter(({ redrivenAt }) => redrivenAt === null) : letters
  const what = count(affected.length, 'dead letter')

  return (
    <>
      <h2>
        {action === 'redrive' ? 'Redrive' : 'Discard'} {what}?
      </h2>
      <p>
        {action === 'redrive'
          ? `Each record is put on ${about.value?.streamName} again, with its original bytes and partition key. Its upload becomes queued. A record that fails again becomes a new dead letter.`
          : 'The records are deleted and cannot be redriven. Their uploads stay failed. This cannot be undone.'}
      </p>
      <ul class="affected">
        {affected.slice(0, 5).map(({ id, filename, reason }) => (
          <li key={id} class="clip">
            {filename === null ? reason : `${filename}: ${reason}`}
          </li>
        ))}
        {affected.length > 5 && <li class="muted">and {affected.length - 5} more</li>}
      </ul>
      {failure.value && <FailureBox failure={failure.value} />}
      <div class="actions">
        <button type="button" onClick={onClose}>
          Cancel
        </button>
        <button
          type="button"
          class={action === 'redrive' ? 'primary' : 'danger'}
          disabled={isRunning.value || affected.length === 0}
          onClick={() => void run(action, affected, { failure, isRunning, onResult })}
        >
          {action === 'redrive' ? 'Redrive' : 'Discard'} {what}
        </button>
      </div>
    </>
  )
}

interface Run {
  failure: Signal<Failure | undefined>
  isRunning: Signal<boolean>
  onResult(outcomes: readonly LetterOutcome[]): Promise<void>
}

async function run(
  action: Action,
  letters: readonly ReadableLetter[],
  { failure, isRunning, onResult }: Run,
): Promise<void> {
  isRunning.value = true
  failure.value = undefined
  try {
    const body = { ids: letters.map(({ id }) => id) }
    const { outcomes } = await sendJson<{ outcomes: LetterOutcome[] }>('POST', `/api/dead-letters/${action}`, body)
    await onResult(outcomes)
  } catch (error) {
    if (!(error instanceof RequestError)) throw error
    failure.value = error.failure
  } finally {
    isRunning.value = false
  }
}

function summaryOf(outcomes: readonly LetterOutcome[]): string {
  const byOutcome = Map.groupBy(outcomes, ({ outcome }) => outcome)
  return Array.from(byOutcome, ([outcome, { length, 0: first }]) =>
    outcome === 'failed' ? `${length} failed: ${first?.error}` : `${length} ${outcome}`,
  ).join(', ')
}
