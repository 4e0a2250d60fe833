/**
 * Makes a request directly, and with the SDK if the direct request rejects or resolves to undefined.
 *
 * @throws the error of the SDK
 */
export type FallBack = <Direct, FromSdk>(
  direct: () => Promise<Direct | undefined>,
  useSdk: () => Promise<FromSdk>,
) => Promise<Direct | FromSdk>

/**
 * Direct requests fail for many reasons, and all that were made during an outage or while AWS throttles fail in a row. This many in a
 * row over this time, each of which the SDK then made with success, are a fault.
 */
const SUSPICIOUS = 50
const SUSPICIOUS_MS = 60_000

/**
 * A direct request that fails is not reported: if the fault persists, the SDK meets it too and throws it. But if the SDK succeeds each
 * time, the direct request itself is wrong, and every request is made twice. That would show only as a higher bill. So it is reported
 * once, as a warning of the process.
 *
 * @param service the name of the AWS service in the warning
 */
export function createFallBack(service: string, now: () => number = Date.now): FallBack {
  let failures = 0
  let failingSince = 0
  let isReported = false

  function count(error: unknown): void {
    if (failures++ === 0) failingSince = now()
    if (isReported || failures < SUSPICIOUS || now() - failingSince < SUSPICIOUS_MS) return
    isReported = true
    const why = error instanceof Error ? error.message : 'the status was not 200'
    process.emitWarning(
      `The last ${failures} direct requests to ${service} failed (${why}), and the SDK made each of them again with success.`,
      {
        code: 'HEADGATE_DIRECT_REQUESTS',
        detail: 'Nothing is lost, but each request is made twice. Please report this.',
      },
    )
  }

  return async (direct, useSdk) => {
    let failure: unknown
    const reply = await direct().catch((error: unknown) => {
      failure = error
      return undefined
    })
    if (reply !== undefined) {
      failures = 0
      return reply
    }
    const fromSdk = await useSdk()
    count(failure)
    return fromSdk
  }
}
