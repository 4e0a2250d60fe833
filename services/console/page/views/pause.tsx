import { useSignal } from '@preact/signals'
import { sendJson } from '../api.ts'
import { FormDialog, TextField } from '../form-dialog.tsx'
import { count } from '../format.ts'
import { about, summary } from '../state.ts'

const MAX_REASON = 1_000

/** A button that pauses or resumes the whole application, after a dialog that says what happens. */
export function PauseButton() {
  const reason = useSignal('')
  const result = useSignal('')
  const isPaused = summary.value?.pauses.some(({ workerId }) => workerId === null) ?? false
  const workers = count(summary.value?.workers.length ?? 0, 'worker')
  if (!about.value?.allowChanges || !summary.value?.workers.length) return null
  const { applicationName } = about.value

  async function send(action: 'pause' | 'resume'): Promise<void> {
    const body = reason.value === '' ? {} : { reason: reason.value }
    const { wasPaused } = await sendJson<{ wasPaused: boolean }>('POST', `/api/${action}`, body)
    reason.value = ''
    // Somebody else may have been faster.
    const isSame = wasPaused === (action === 'pause')
    const done = action === 'pause' ? 'paused' : 'resumed'
    result.value = !isSame
      ? `${applicationName} is ${done}.`
      : action === 'pause'
        ? `${applicationName} was paused already. The new reason replaces the old one.`
        : `${applicationName} was not paused, so nothing is changed.`
  }

  const button = isPaused ? (
    <FormDialog
      key="resume"
      button="Resume…"
      title={`Resume ${applicationName}?`}
      text={`${workers} start to process records again.`}
      submit={`Resume ${workers}`}
      onSubmit={() => send('resume')}
    >
      <TextField label="Reason (optional)" value={reason} maxLength={MAX_REASON} />
    </FormDialog>
  ) : (
    <FormDialog
      key="pause"
      button="Pause…"
      title={`Pause ${applicationName}?`}
      text={`${workers} finish what they have begun, and process no further records until someone resumes them. Records wait in the stream. Workers of KCL ignore a pause.`}
      submit={`Pause ${workers}`}
      onSubmit={() => send('pause')}
    >
      <TextField label="Reason" value={reason} maxLength={MAX_REASON} isRequired />
    </FormDialog>
  )
  return (
    <span class="tools">
      <span class="muted" role="status">
        {result.value}
      </span>
      {button}
    </span>
  )
}
