import { type Check, failed, ok } from '../check.ts'
import { endpointOf } from '../endpoints.ts'
import { fetchText } from '../http.ts'

/** From here on AWS takes no signature: 15 minutes for S3, 5 for the others. Well before that something is wrong already. */
const MAX_DRIFT_MS = 60_000

export const clock: Check = {
  id: 'clock',
  title: "this machine's clock is that of AWS",
  async run({ config, env, signal, now }) {
    // Needs no permission: every answer has a date, that of a refusal too.
    const url = endpointOf('dynamodb', config.AWS_REGION, env)
    const before = now()
    const { headers } = await fetchText(url, { signal }, { action: 'the clock', resource: url, variable: 'AWS_REGION' })
    const dateHeader = headers.get('date')
    const theirs = Date.parse(dateHeader ?? '')
    if (Number.isNaN(theirs)) return failed(`${url} answers without a date`, 'Check AWS_ENDPOINT_URL_DYNAMODB.')
    const offBy = (before + now()) / 2 - theirs
    const text = `${(Math.abs(offBy) / 1_000).toFixed(0)} s ${offBy < 0 ? 'behind' : 'ahead of'} ${url}`
    if (Math.abs(offBy) < MAX_DRIFT_MS) return ok(`it is ${text}`)
    return failed(
      `it is ${text}`,
      'Set it by NTP: AWS refuses signatures of another time, and tokens seem to have expired.',
    )
  },
}
