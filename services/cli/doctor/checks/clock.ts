import { type Check, failed, ok } from '../check.ts'
import { endpointOf, fetchText } from '../http.ts'

/** AWS rejects signatures from 5 minutes of drift on, S3 from 15. A drift of a minute is a sign of a wrong clock already. */
const MAX_DRIFT_MS = 60_000

export const clock: Check = {
  id: 'clock',
  title: 'the clock of this machine agrees with the clock of AWS',
  async run({ config, env, signal, now }) {
    // Needs no permission: every response has a date, also an error response.
    const url = endpointOf('dynamodb', config.AWS_REGION, env)
    const before = now()
    const target = { action: 'a request for the time', resource: url, variable: 'AWS_REGION' }
    const { headers } = await fetchText(url, { signal }, target)
    const awsTime = Date.parse(headers.get('date') ?? '')
    if (Number.isNaN(awsTime)) return failed(`${url} responds without a date`, 'Check AWS_ENDPOINT_URL_DYNAMODB.')
    const driftMs = (before + now()) / 2 - awsTime
    const seen = `the clock is ${(Math.abs(driftMs) / 1_000).toFixed(0)} s ${driftMs < 0 ? 'behind' : 'ahead of'} ${url}`
    if (Math.abs(driftMs) < MAX_DRIFT_MS) return ok(seen)
    return failed(
      seen,
      'Set the clock by NTP. Otherwise AWS rejects signatures, and valid tokens seem to have expired.',
    )
  },
}
