"""The passwords of one run, and what they open."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence

from configurator.config.diagnostics import Span
from configurator.core.errors import InputError
from configurator.vault.choice import VaultChoice
from configurator.vault.envelope import Envelope, EnvelopeError, parse
from configurator.vault.sources import Ask, Password, VaultId, read_password

_MAX_KEYS = 1000  # each is as long as a line of text; more files than this are read twice at most


def _nobody(_question: str) -> None:
    return None


class Vault:
    """Opens vaults with the passwords of `choice`, which are read when the first is needed. Thread-safe.

    `configure` must be called before anything can be opened. `hide` is given every text that came out of a
    vault. Of several passwords the one whose label the vault has is tried first, then the others in their
    order, as in Ansible.
    """

    def __init__(
        self,
        choice: VaultChoice | None = None,
        *,
        ask: Ask | None = None,
        hide: Callable[[Iterable[str]], None] | None = None,
    ) -> None:
        self.ids: tuple[VaultId, ...] = ()
        self._choice = choice or VaultChoice()
        self._ask = ask or _nobody
        self._hide = hide
        self._expected = False
        self._passwords: dict[VaultId, Password] = {}
        self._keys: dict[tuple[bytes, bytes], bytes] = {}
        self._lock = threading.RLock()

    def configure(self, ids: Sequence[str] = (), password_file: str | None = None, root: str = ".") -> None:
        """Take the passwords that config.yaml names too; InputError for an id that cannot be read."""
        self.ids = self._choice.resolve(ids, password_file, root)

    # -- what reading files needs: config.sealed.Opener -----------------------------------------------

    def expect(self, text: str, span: Span) -> None:
        """Note that this will probably be opened; InputError if its envelope is damaged."""
        self._parsed(text, span)
        self._expected = True

    def open(self, text: str, span: Span) -> bytes:
        """Return the plain content; InputError, at `span`, if no known password opens it."""
        return self.unlock(text, span)[0]

    def hide(self, texts: Iterable[str]) -> None:
        """Have these texts masked in everything that is shown from now on."""
        if self._hide is not None:
            self._hide(texts)

    # -- for those who also write ----------------------------------------------------------------------

    def unlock(self, text: str, span: Span) -> tuple[bytes, Password, str]:
        """Return the plain content, the password that opened it, and the label of the vault."""
        from configurator.vault import cipher  # noqa: PLC0415  (30 ms, for what is encrypted alone)

        envelope = self._parsed(text, span)
        for vault_id in self._likely_first(envelope):
            password = self.password(vault_id)
            plain = cipher.decrypt(envelope, self._derived(password, envelope.salt))
            if plain is not None:
                return plain, password, envelope.label
        raise self._failure(envelope, span)

    def password(self, vault_id: VaultId) -> Password:
        """Return the password of one id, which is read (or asked for) once."""
        with self._lock:
            if vault_id not in self._passwords:
                self._passwords[vault_id] = found = read_password(vault_id, self._ask)
                self.hide({found.secret.decode(errors="replace")})
            return self._passwords[vault_id]

    def prepare(self) -> None:
        """Read all passwords now if something encrypted was met: later nobody may be there to be asked."""
        if self._expected:
            for vault_id in self.ids:
                self.password(vault_id)

    def _likely_first(self, envelope: Envelope) -> list[VaultId]:
        return sorted(self.ids, key=lambda vault_id: vault_id.label != envelope.label)

    def _derived(self, password: Password, salt: bytes) -> bytes:
        """Return the keys, which take 4 ms to derive, from memory if they were asked for before."""
        from configurator.vault import cipher  # noqa: PLC0415

        key = (password.secret, salt)
        found = self._keys.get(key)
        if found is None:
            found = cipher.derive(*key)
            with self._lock:
                if len(self._keys) >= _MAX_KEYS:
                    self._keys.clear()
                self._keys[key] = found
        return found

    def _parsed(self, text: str, span: Span) -> Envelope:
        try:
            return parse(text)
        except EnvelopeError as error:
            problem = span.diagnostic(str(error), code="vault")
            raise InputError(str(problem), [problem]) from None

    def _failure(self, envelope: Envelope, span: Span) -> InputError:
        of = f" as {envelope.label!r}" if envelope.label else ""
        if not self.ids:
            message = f"this is encrypted{of}, and no vault password is known"
            hint = "give one with --ask-vault-pass or --vault-password-file, or set 'vault:' in config.yaml"
        else:
            tried = ", ".join(dict.fromkeys(str(vault_id) for vault_id in self.ids))
            message = f"no known vault password opens this{of and f', encrypted{of}'}"
            hint = f"tried {tried}; or the text was changed after it was encrypted"
        problem = span.diagnostic(message, hint, code="vault")
        return InputError(str(problem), [problem])
