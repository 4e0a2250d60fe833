import { useSignal } from '@preact/signals'
import type { DoctorResult, Failure } from '../../snapshot.ts'
import { getJson, RequestError } from '../api.ts'
import { count } from '../format.ts'
import { FailureBox, Time } from '../parts.tsx'
import { about } from '../state.ts'

interface Examination {
  at: number
  results: readonly DoctorResult[]
}

/** The checks of `headgate doctor`, which run when the button is pressed. */
export function Doctor() {
  const found = useSignal<Examination | undefined>(undefined)
  const failure = useSignal<Failure | undefined>(undefined)
  const isRunning = useSignal(false)

  async function run(): Promise<void> {
    isRunning.value = true
    failure.value = undefined
    try {
      const { results } = await getJson<{ results: DoctorResult[] }>('/api/doctor')
      found.value = { at: Date.now(), results }
    } catch (error) {
      if (!(error instanceof RequestError)) throw error
      failure.value = error.failure
    } finally {
      isRunning.value = false
    }
  }

  return (
    <section aria-labelledby="doctor">
      <div class="spread wrap">
        <h2 id="doctor">Doctor</h2>
        {about.value?.hasDoctor && (
          <button type="button" disabled={isRunning.value} onClick={() => void run()}>
            {isRunning.value ? 'Checking…' : found.value ? 'Check again' : 'Check the deployment'}
          </button>
        )}
      </div>
      {failure.value && <FailureBox failure={failure.value} />}
      {found.value ? (
        <Findings examination={found.value} />
      ) : (
        <p class="muted">
          {about.value?.hasDoctor
            ? 'Compares the configuration with the resources, and tests each permission in a way that leaves nothing behind. Takes a few seconds.'
            : 'The checks of headgate doctor need the variables of the deployment: UPLOAD_BUCKET, PROCESSED_BUCKET, COGNITO_USER_POOL_ID and COGNITO_CLIENT_ID.'}
        </p>
      )}
    </section>
  )
}

function Findings({ examination: { at, results } }: { examination: Examination }) {
  const failed = results.filter(({ status }) => status === 'failed')
  const others = results.filter(({ status }) => status !== 'failed')
  const passed = results.filter(({ status }) => status === 'ok')
  return (
    <div role="status">
      <p class={failed.length === 0 ? 'fine' : ''}>
        {failed.length === 0 && (
          <span class="check" aria-hidden="true">
            ✓
          </span>
        )}
        <span>
          {count(passed.length, 'check')} ok, {failed.length} failed, {others.length - passed.length} skipped, at{' '}
          <Time at={at} />.
        </span>
      </p>
      <ul class="findings">
        {failed.map(({ id, title, seen, advice }) => (
          <li key={id} class="finding critical">
            <strong>{id}</strong>
            <p>Expected: {title}</p>
            <p class="break">Seen: {seen}</p>
            <p>{advice}</p>
          </li>
        ))}
      </ul>
      <details>
        <summary>{count(others.length, 'other check')}</summary>
        <ul class="plain checks">
          {others.map(({ id, status, seen }) => (
            <li key={id}>
              <span class={status === 'ok' ? 'ok-text' : 'muted'}>{status}</span> <strong>{id}</strong>{' '}
              <span class="muted break">{seen}</span>
            </li>
          ))}
        </ul>
      </details>
    </div>
  )
}
