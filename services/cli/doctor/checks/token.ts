import { issuerOf, jwksUrlOf } from '../../../platform/config/api.ts'
import { type Check, failed, ok, skipped } from '../check.ts'
import { decodeToken, fetchKeys, isSignedBy } from '../token.ts'

export const token: Check = {
  id: 'token',
  title: 'the token is valid for the api',
  async run({ config, signal, now }) {
    if (config.API_TOKEN === undefined) return skipped('API_TOKEN is not set')
    const decoded = decodeToken(config.API_TOKEN)
    if (!decoded) {
      return failed(
        'the token is not a JWT',
        'Set API_TOKEN to the IdToken or AccessToken of a sign-in, without "Bearer".',
      )
    }
    const { kid, claims } = decoded
    const { iss, token_use: use, exp } = claims

    const issuer = issuerOf(config)
    if (iss !== issuer) {
      const advice = `The api accepts tokens of COGNITO_ISSUER, or else of COGNITO_USER_POOL_ID in AWS_REGION. Set them to the issuer of the token, or sign in to the pool that they name.`
      return failed(`the token's issuer (iss) is ${iss}, but the configured issuer is ${issuer}`, advice)
    }
    if (use !== 'id' && use !== 'access') {
      return failed(
        `the token's use (token_use) is ${use}`,
        'Send the IdToken or the AccessToken, not the RefreshToken.',
      )
    }
    const claim = use === 'id' ? 'aud' : 'client_id'
    if (claims[claim] !== config.COGNITO_CLIENT_ID) {
      return failed(
        `the token is for the app client ${claims[claim]} (${claim}), but COGNITO_CLIENT_ID is ${config.COGNITO_CLIENT_ID}`,
        'Sign in with the client id of COGNITO_CLIENT_ID. Or set COGNITO_CLIENT_ID of the api, and the audience of the authorizer, to the client that your users sign in with.',
      )
    }
    const leftMs = Number(exp) * 1_000 - now()
    if (!(leftMs > 0)) {
      return failed(
        `the token expired ${Math.round(-leftMs / 60_000)} minutes ago`,
        'Sign in again, or use the refresh token. If the token is new, see the check `clock`.',
      )
    }
    const { keys } = await fetchKeys(jwksUrlOf(config), signal)
    const key = keys.find(candidate => candidate.kid === kid)
    if (!key) {
      return failed(`${issuer} has no key ${kid}`, 'The key has been rotated, or the token is forged. Sign in again.')
    }
    if (!isSignedBy(config.API_TOKEN, key)) {
      return failed("the token's signature is invalid", 'The token was changed. Copy all of it, in one line.')
    }
    return ok(
      `an ${use} token of ${issuer} for ${config.COGNITO_CLIENT_ID}, valid for ${Math.round(leftMs / 60_000)} minutes`,
    )
  },
}
