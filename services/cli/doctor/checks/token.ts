import { issuerOf } from '../../../platform/config/api.ts'
import { type Check, failed, ok, skipped } from '../check.ts'
import { fetchKeys } from '../keys.ts'
import { readToken, verifies } from '../token.ts'

export const token: Check = {
  id: 'token',
  title: 'the token is one that the api takes',
  async run({ config, signal, now }) {
    if (config.API_TOKEN === undefined) return skipped('API_TOKEN is not set')
    const read = readToken(config.API_TOKEN)
    if (!read)
      return failed('it is no JWT', 'Set API_TOKEN to the IdToken or AccessToken of a sign-in, without "Bearer".')
    const { kid, claims } = read
    const { iss, token_use: use, exp } = claims

    const issuer = issuerOf(config)
    if (iss !== issuer) {
      const advice = `The api takes tokens of COGNITO_ISSUER, or of AWS_REGION and COGNITO_USER_POOL_ID: set them to what the token says, or sign in to the pool that they name.`
      return failed(`the token's issuer (iss) is ${iss}, and the configured one ${issuer}`, advice)
    }
    if (use !== 'id' && use !== 'access') {
      return failed(`its use (token_use) is ${use}`, 'Send the IdToken or the AccessToken, not the RefreshToken.')
    }
    const claim = use === 'id' ? 'aud' : 'client_id'
    if (claims[claim] !== config.COGNITO_CLIENT_ID) {
      return failed(
        `the token is for the app client ${claims[claim]} (${claim}), and COGNITO_CLIENT_ID is ${config.COGNITO_CLIENT_ID}`,
        'Sign in with `--client-id` of COGNITO_CLIENT_ID, or set COGNITO_CLIENT_ID of the api, and the audience of the authorizer, to the client that your users sign in with.',
      )
    }
    const leftMs = Number(exp) * 1_000 - now()
    if (!(leftMs > 0)) {
      const seen = `it has expired, ${Math.round(-leftMs / 60_000)} minutes ago`
      return failed(
        seen,
        'Sign in again, or use the refresh token. A token that has just been made: see the check `clock`.',
      )
    }
    const { keys } = await fetchKeys(issuer, signal)
    const key = keys.find(one => one.kid === kid)
    if (!key)
      return failed(
        `${issuer} has no key ${kid}`,
        'The key was withdrawn since, or the token is forged: sign in again.',
      )
    if (!verifies(config.API_TOKEN, key))
      return failed('its signature is wrong', 'It was changed on its way: copy it whole, in one line.')
    return ok(
      `an ${use} token of ${issuer} for ${config.COGNITO_CLIENT_ID}, good for ${Math.round(leftMs / 60_000)} minutes`,
    )
  },
}
