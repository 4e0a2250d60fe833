import { type Static, Type } from 'typebox'
import { CognitoError } from '../errors.ts'
import type { Client } from '../pools/schema.ts'

const urls = Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 1024 }), { maxItems: 100 }))

/** The members of a client that set up the sign-in pages. */
export const signInPages = {
  AllowedOAuthFlowsUserPoolClient: Type.Optional(Type.Boolean()),
  AllowedOAuthFlows: Type.Optional(Type.Array(Type.Literal('code'), { maxItems: 1 })),
  AllowedOAuthScopes: Type.Optional(
    Type.Array(Type.Enum(['openid', 'email', 'phone', 'profile', 'aws.cognito.signin.user.admin'])),
  ),
  CallbackURLs: urls,
  LogoutURLs: urls,
  SupportedIdentityProviders: Type.Optional(Type.Array(Type.Literal('COGNITO'))),
}

const input = Type.Object(signInPages)

/** @throws CognitoError InvalidParameterException */
export function toOauth(client: Static<typeof input>): Pick<Client, 'oauth'> {
  const { AllowedOAuthFlowsUserPoolClient, AllowedOAuthFlows = [], AllowedOAuthScopes = [] } = client
  const { CallbackURLs: callbackUrls = [], LogoutURLs: logoutUrls = [] } = client
  if (!AllowedOAuthFlowsUserPoolClient) {
    if (AllowedOAuthFlows.length === 0) return {}
    throw invalid('AllowedOAuthFlows needs AllowedOAuthFlowsUserPoolClient')
  }
  if (AllowedOAuthFlows.length === 0 || AllowedOAuthScopes.length === 0) {
    throw invalid(
      'AllowedOAuthFlows and AllowedOAuthScopes are required if user pool client is allowed to use OAuth flows.',
    )
  }
  if (callbackUrls.length === 0) throw invalid('CallbackURLs is required for the code flow.')
  for (const url of [...callbackUrls, ...logoutUrls]) checkUrl(url)
  return { oauth: { scopes: AllowedOAuthScopes, callbackUrls, logoutUrls } }
}

/** As in Cognito, plain HTTP is only for pages of the same machine. Apps have schemes of their own. */
function checkUrl(url: string): void {
  if (!URL.canParse(url) || url.includes('#')) throw invalid(`${url} is not an absolute URL without a fragment.`)
  const { protocol, hostname } = new URL(url)
  if (protocol === 'http:' && !['localhost', '127.0.0.1', '[::1]'].includes(hostname)) {
    throw invalid(`${url} cannot use http. Only pages of localhost can.`)
  }
}

export function describeOauth({ oauth }: Client): object {
  if (!oauth) return { AllowedOAuthFlowsUserPoolClient: false }
  return {
    AllowedOAuthFlowsUserPoolClient: true,
    AllowedOAuthFlows: ['code'],
    AllowedOAuthScopes: oauth.scopes,
    CallbackURLs: oauth.callbackUrls,
    LogoutURLs: oauth.logoutUrls,
    SupportedIdentityProviders: ['COGNITO'],
  }
}

function invalid(message: string): CognitoError {
  return new CognitoError('InvalidParameterException', message)
}
