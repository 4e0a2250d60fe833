/** A route of API Gateway. The api checks every token again, whatever the authorizer decided. */
export interface GatewayRoute {
  /** In API Gateway's syntax, such as `/uploads/{proxy+}`. */
  path: string
  methods: readonly string[]
  /** True if the authorizer must accept the request's token. */
  authorized: boolean
}

const upload = (path: string): GatewayRoute[] => [
  { path, methods: ['ANY'], authorized: true },
  // Browsers send CORS preflights without a token. The api answers them by CORS_ORIGINS.
  { path, methods: ['OPTIONS'], authorized: false },
]

const open = (path: string): GatewayRoute => ({ path, methods: ['GET'], authorized: false })

export const routes: readonly GatewayRoute[] = [
  ...upload('/uploads'),
  ...upload('/uploads/{proxy+}'),
  open('/'),
  open('/livez'),
  open('/readyz'),
  open('/openapi.json'),
  open('/.well-known/headgate'),
  open('/docs'),
  open('/docs/{proxy+}'),
]
