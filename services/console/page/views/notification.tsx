import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import type { NotificationDetail } from '../../notification-views.ts'
import type { Failure } from '../../snapshot.ts'
import { getJson, RequestError } from '../api.ts'
import { DataText } from '../data-view.tsx'
import { count } from '../format.ts'
import { Badge, FailureBox, Time } from '../parts.tsx'
import { ReplayNotifications } from './replay-notifications.tsx'

/** One notification that a destination has not got: its message, and the attempts to deliver it. */
export function NotificationPage({ place }: { place: string }) {
  const detail = useSignal<NotificationDetail | undefined>(undefined)
  const failure = useSignal<Failure | undefined>(undefined)
  const result = useSignal('')

  useEffect(() => {
    const stop = new AbortController()
    void (async () => {
      try {
        detail.value = await getJson<NotificationDetail>(`/api/notifications/notification?${place}`, stop.signal)
      } catch (error) {
        if (stop.signal.aborted) return
        if (!(error instanceof RequestError)) throw error
        failure.value = error.failure
      }
    })()
    return () => stop.abort()
  }, [place])

  const found = detail.value
  return (
    <>
      <p class="crumbs">
        <a href="#/notifications">Notifications</a> <span aria-hidden="true">/</span>{' '}
        <span>{new URLSearchParams(place).get('id')}</span>
      </p>
      <div class="spread wrap">
        <h1>
          {found?.type ?? 'Notification'}{' '}
          {found && <Badge level={found.state === 'owed' ? 'warn' : 'bad'}>{found.state}</Badge>}
        </h1>
        {found?.state === 'given up' && !result.value && (
          <ReplayNotifications
            notifications={[{ isReadable: true, ...found }]}
            button="Send again…"
            result={result}
            onDone={() => undefined}
          />
        )}
      </div>
      <p role="status">{result.value}</p>
      {failure.value && <FailureBox failure={failure.value} />}
      {found && (
        <>
          {found.lastFailure !== undefined && (
            <div class={`finding ${found.state === 'owed' ? 'warning' : 'critical'}`}>
              <strong>{found.reason ?? `The last attempt failed: ${found.lastFailure}.`}</strong>
              <p>
                {found.reason !== null && `${found.lastFailure}, after `}
                {count(found.attempts, 'failed attempt')}.
              </p>
            </div>
          )}
          <Facts detail={found} />
          <h2>Message</h2>
          <DataText data={new TextEncoder().encode(JSON.stringify(found.message))} isCut={false} format="auto" />
        </>
      )}
    </>
  )
}

function Facts({ detail }: { detail: NotificationDetail }) {
  const { destination, timestamp, attempts, nextAttempt, givenUpAt, id, uploadId, owner, key, message } = detail
  return (
    <dl class="facts panel">
      <div>
        <dt>Destination</dt>
        <dd class="break">{destination}</dd>
      </div>
      <div>
        <dt>The upload got its status</dt>
        <dd>
          <Time at={Date.parse(timestamp)} />
        </dd>
      </div>
      <div>
        <dt>Failed attempts</dt>
        <dd>{attempts}</dd>
      </div>
      <div>
        <dt>{givenUpAt === undefined ? 'Next attempt' : 'Given up'}</dt>
        <dd>
          {givenUpAt !== undefined ? (
            <Time at={Date.parse(givenUpAt)} />
          ) : nextAttempt === undefined ? (
            'soon'
          ) : (
            <Time at={Date.parse(nextAttempt)} />
          )}
        </dd>
      </div>
      <div class="wide">
        <dt>Upload</dt>
        <dd class="break">
          <a href={`#/uploads/${uploadId}`}>{message.data.filename}</a>{' '}
          <span class="mono">
            {uploadId} of {owner}
          </span>
        </dd>
      </div>
      <div class="wide">
        <dt>Id of the notification</dt>
        <dd class="mono break">{id}</dd>
      </div>
      {key !== undefined && (
        <div class="wide">
          <dt>Dead letter</dt>
          <dd class="mono break">{key}</dd>
        </div>
      )}
    </dl>
  )
}
