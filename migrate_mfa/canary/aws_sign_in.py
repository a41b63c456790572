"""Sign a user in through one app client, and make the user's own calls with the access token.

AdminInitiateAuth and AdminRespondToAuthChallenge are signed. Calls with an access token are not, and no IAM
policy applies to them (as botocore's service model says).
"""

from typing import TYPE_CHECKING, Any

from migrate_mfa.aws.answers import Answer, reads
from migrate_mfa.aws.session import call
from migrate_mfa.canary.sign_in import Challenge, Tokens, secret_hash
from migrate_mfa.domain.errors import PoolNotReady
from migrate_mfa.domain.failure import ApiError

if TYPE_CHECKING:
    from migrate_mfa.aws.session import Aws
    from migrate_mfa.domain.model import Phone

_PHONE = "phone_number"
_NOT_ALLOWED = frozenset({"AccessDeniedException", "AccessDenied"})
_NO_SUCH_CLIENT = frozenset({"ResourceNotFoundException", "InvalidParameterException"})
"""The second is the answer to a malformed id."""


class CognitoSignIn:
    """`ports.SignIn` on a real endpoint. Holds the client's secret, which `repr` does not show."""

    def __init__(self, aws: "Aws", client_id: str) -> None:
        self._pool_id = aws.target.user_pool_id
        self._client_id = client_id
        self._client: Any = aws.client("cognito-idp")
        self._secret: str | None = None

    @reads("DescribeUserPoolClient")
    def learn_secret(self) -> bool:
        """DescribeUserPoolClient, for the secret if the client has one.

        Returns:
            Whether the caller may read the secret; if not, call `use_secret`.

        Raises:
            PoolNotReady: the pool has no such client.
        """
        try:
            answer = call(
                self._client,
                "DescribeUserPoolClient",
                need="UserPoolClient",
                UserPoolId=self._pool_id,
                ClientId=self._client_id,
            )
        except ApiError as error:
            if error.code in _NOT_ALLOWED:
                return False
            if error.code in _NO_SUCH_CLIENT:
                raise PoolNotReady(
                    "The pool has no app client with this id.",
                    f"See them: aws cognito-idp list-user-pool-clients --user-pool-id {self._pool_id}",
                ) from error
            raise
        self.use_secret(answer["UserPoolClient"].get("ClientSecret"))
        return True

    def use_secret(self, secret: str | None) -> None:
        """Take the client's secret; None or blank for a client without one."""
        self._secret = secret or None

    @reads("AdminInitiateAuth")
    def begin(self, username: str, password: str) -> Tokens | Challenge:
        """AdminInitiateAuth with ADMIN_USER_PASSWORD_AUTH."""
        return _outcome(
            username,
            call(
                self._client,
                "AdminInitiateAuth",
                UserPoolId=self._pool_id,
                ClientId=self._client_id,
                AuthFlow="ADMIN_USER_PASSWORD_AUTH",
                AuthParameters={"USERNAME": username, "PASSWORD": password, **self._hash(username)},
            ),
        )

    @reads("AdminRespondToAuthChallenge")
    def answer(self, challenge: Challenge, code: str) -> Tokens | Challenge:
        """AdminRespondToAuthChallenge to SMS_MFA, with the user name from the challenge."""
        name = challenge.username
        return _outcome(
            name,
            call(
                self._client,
                "AdminRespondToAuthChallenge",
                UserPoolId=self._pool_id,
                ClientId=self._client_id,
                ChallengeName=challenge.name,
                Session=challenge.session,
                ChallengeResponses={"USERNAME": name, "SMS_MFA_CODE": code, **self._hash(name)},
            ),
        )

    @reads("UpdateUserAttributes")
    def store_phone(self, tokens: Tokens, phone: "Phone") -> str | None:
        """UpdateUserAttributes."""
        answer = call(
            self._client,
            "UpdateUserAttributes",
            AccessToken=tokens.access,
            UserAttributes=[{"Name": _PHONE, "Value": phone.e164}],
        )
        sent = [
            each for each in answer.get("CodeDeliveryDetailsList") or [] if each["AttributeName"] == _PHONE
        ]
        return str(sent[0].get("Destination", "")) if sent else None

    @reads("GetUserAttributeVerificationCode")
    def send_code(self, tokens: Tokens) -> str:
        """GetUserAttributeVerificationCode."""
        answer = call(
            self._client,
            "GetUserAttributeVerificationCode",
            need="CodeDeliveryDetails",
            AccessToken=tokens.access,
            AttributeName=_PHONE,
        )
        return str(answer["CodeDeliveryDetails"].get("Destination", ""))

    def verify_phone(self, tokens: Tokens, code: str) -> None:
        """VerifyUserAttribute."""
        call(
            self._client,
            "VerifyUserAttribute",
            AccessToken=tokens.access,
            AttributeName=_PHONE,
            Code=code,
        )

    def revoke(self, tokens: Tokens) -> None:
        """RevokeToken."""
        secret = {"ClientSecret": self._secret} if self._secret else {}
        call(
            self._client,
            "RevokeToken",
            Token=tokens.refresh or "",
            ClientId=self._client_id,
            **secret,
        )

    def _hash(self, username: str) -> dict[str, str]:
        secret = self._secret
        return {"SECRET_HASH": secret_hash(secret, username, self._client_id)} if secret else {}


def _outcome(username: str, answer: Answer) -> Tokens | Challenge:
    if result := answer.get("AuthenticationResult"):
        return Tokens(result["AccessToken"], result.get("RefreshToken"))
    asked = answer.get("ChallengeParameters") or {}
    return Challenge(
        name=answer.get("ChallengeName") or "nothing",
        session=answer.get("Session") or "",
        username=asked.get("USER_ID_FOR_SRP") or username,
        destination=asked.get("CODE_DELIVERY_DESTINATION"),
    )
